import { digestOf } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DirectoryComponent } from './index.ts';
import { fileWithServices, relyingParty } from './testing/example-clients.ts';
import { broker, exampleKeyPair, operator, venue } from './testing/example-file.ts';
import { approver, createRig, problemsOf, proposer, type Rig, refusalOf } from './testing/rig.ts';

let rig: Rig;
let directory: DirectoryComponent;
beforeEach(async () => {
  rig = await createRig();
  directory = await rig.open();
  await directory.apply(wholeFile(), proposer);
});
afterEach(() => rig.close());

type Lists = { readonly [list: string]: readonly Record<string, unknown>[] };

const newKey = (kid: string) => ({ keys: [exampleKeyPair(kid).publicJwk] });

/** One entity of each kind whose ids are never reused; no other entity refers to them. */
const onlyOnce: Lists = {
  people: [{ id: 'person:carl.roth', institution: broker, roles: ['trader'], federated: [], credentials: [] }],
  services: [{ id: 'service:reporting', institution: broker, roles: [] }],
  agents: [
    {
      id: 'agent:twap-1',
      institution: broker,
      desk: 'rates',
      roles: ['algorithm'],
      model: {
        model_id: 'twap',
        version: '1.0.0',
        artifact_sha256: 'cd'.repeat(32),
        certificate_id: 'cert-2026-18',
        status: 'Draft',
        certified_by: 'person:ben.ito',
        developed_by: 'person:anna.keller',
      },
    },
  ],
  devices: [
    {
      id: 'device:desk-phone',
      institution: broker,
      posture: 'compliant',
      posture_at: '2026-11-21T00:00:00Z',
    },
  ],
  clients: [relyingParty()],
  accounts: [{ id: 'BRK/CLIENT-7', institution: broker, type: 'Client' }],
};

function wholeFile(): Lists {
  const file: Lists = fileWithServices();
  return Object.fromEntries(
    [...new Set([...Object.keys(file), ...Object.keys(onlyOnce)])].map((list) => [
      list,
      [...(file[list] ?? []), ...(onlyOnce[list] ?? [])],
    ]),
  );
}

const kinds = Object.entries(onlyOnce).flatMap(([list, [document]]) =>
  document === undefined ? [] : [[list, document] as const],
);

const codesOf = async (asked: Promise<unknown>) => problemsOf(await refusalOf(asked)).map(({ code }) => code);

describe('the id of a removed entity', () => {
  it.each(kinds)('is never reused, by anybody, on any node, after any restart: %s', async (list, document) => {
    await directory.apply(fileWithServices(), proposer, { prune: true });
    const again = { [list]: [document] };
    const other = await rig.open();
    for (const node of [directory, other]) {
      expect(await codesOf(node.plan(again))).toEqual(['id_not_reusable']);
      expect(await codesOf(node.apply(again, proposer))).toEqual(['id_not_reusable']);
      expect(await codesOf(node.propose({ file: again }, proposer, 'they are back'))).toEqual(['id_not_reusable']);
    }
    expect(rig.records.at(-1)).toMatchObject({ type: 'access.refused', reason: 'id_not_reusable', subject: proposer });
    const elsewhere = { [list]: [{ ...document, institution: operator }] };
    expect(await codesOf(other.apply(elsewhere, proposer))).toContain('id_not_reusable');
  });

  it.each(kinds)('cannot be moved to another institution while it exists: %s', async (list, document) => {
    const handed = { [list]: [{ ...document, institution: venue }] };
    expect(await codesOf(directory.apply(handed, proposer))).toContain('id_not_reusable');
  });

  it('cannot be reused by a single edit, however the same request is written', async () => {
    await directory.leave('person:carl.roth', proposer, 'left');
    const [carl] = onlyOnce['people'] ?? [];
    expect(await codesOf(directory.edit({ put: { people: [carl] } }, proposer))).toEqual(['id_not_reusable']);
    // Two steps, inactive and then active, do not help either.
    const inactive = { ...carl, active: false };
    expect(await codesOf(directory.edit({ put: { people: [inactive] } }, proposer))).toEqual(['id_not_reusable']);
  });

  it('cannot be reused while an algorithm still names its holder', async () => {
    await directory.leave('person:anna.keller', proposer, 'left');
    expect(directory.snapshot().knownPrincipal('person:anna.keller')).toMatchObject({ active: false });
    const [anna] = fileWithServices().people;
    expect(await codesOf(directory.edit({ put: { people: [anna] } }, proposer))).toEqual(['id_not_reusable']);
    expect(await codesOf(directory.apply({ people: [anna] }, proposer))).toEqual(['id_not_reusable']);
  });

  it('cannot be reused by approving a proposal made before the removal', async () => {
    const [carl] = onlyOnce['people'] ?? [];
    const edit = { put: { people: [{ ...carl, desk: 'credit' }] } };
    const request = await directory.propose({ edit }, proposer, 'moves');
    await directory.leave('person:carl.roth', proposer, 'left');
    expect(await refusalOf(directory.approve(request.id, request.digest, approver))).toMatchObject({
      code: 'directory_changed_meanwhile',
    });
    expect(directory.snapshot().knownPrincipal('person:carl.roth')).toBeUndefined();
  });

  it('is not requested by an edit based on a read before the removal: that edit is out of date', async () => {
    const id = 'person:carl.roth';
    const read = directory.person(id);
    if (read === undefined) throw new Error('the example has no such person');
    await directory.leave(id, proposer, 'left');
    const edit = { put: { people: [{ ...read, desk: 'credit' }] } };
    const expected = [{ kind: 'person', id, digest: digestOf(read) }] as const;
    // The caller reads again and finds no such person. No request reused the id, so no refusal is recorded.
    expect(await refusalOf(directory.edit(edit, proposer, { expected }))).toMatchObject({
      code: 'directory_changed_meanwhile',
    });
    expect(rig.records.at(-1)).not.toMatchObject({ reason: 'id_not_reusable' });
  });

  it('is assigned once when two nodes remove and add it at the same moment', async () => {
    const other = await rig.open();
    const [carl] = onlyOnce['people'] ?? [];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        index % 2 === 0
          ? directory.edit({ remove: [{ kind: 'person', id: 'person:carl.roth' }] }, proposer)
          : other.edit({ put: { people: [{ ...carl, desk: 'credit' }] } }, proposer),
      ),
    );
    expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true);
    const version = Math.max(directory.snapshot().version, other.snapshot().version);
    for (const node of [directory, other])
      expect((await node.snapshotAtLeast(version)).knownPrincipal('person:carl.roth')).toBeUndefined();
  });

  it('goes back to the same person if they were inactive and never removed', async () => {
    const [carl] = onlyOnce['people'] ?? [];
    await directory.edit({ put: { people: [{ ...carl, active: false }] } }, proposer);
    await directory.edit({ put: { people: [carl] } }, proposer);
    expect(directory.snapshot().principal('person:carl.roth')).toBeDefined();
  });

  it('leaves its key free for the next person', async () => {
    await directory.edit({ remove: [{ kind: 'client', id: 'broker-dashboard' }] }, proposer);
    const next = { ...relyingParty(), id: 'broker-dashboard-2', jwks: newKey('web-2') };
    await directory.edit({ put: { clients: [next] } }, proposer);
    expect(directory.snapshot().client('broker-dashboard-2')).toBeDefined();
  });
});

describe('the name of a contract or an interface', () => {
  it('can be reused by its former institution, and by no other', async () => {
    const contract = {
      id: 'GMRA-2026-1',
      institution: broker,
      type: 'GMRA',
      parties: [
        { lei: broker, role: 'buyer' },
        { lei: venue, role: 'seller' },
      ],
      from: '2026-01-01',
    };
    await directory.apply({ contracts: [contract] }, proposer);
    await directory.apply(wholeFile(), proposer, { prune: true });
    expect(await codesOf(directory.apply({ contracts: [{ ...contract, institution: venue }] }, proposer))).toEqual([
      'id_not_reusable',
    ]);
    await directory.apply({ contracts: [contract] }, proposer);
    expect(directory.snapshot().contract('GMRA-2026-1')).toBeDefined();
  });
});
