import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileWithServices, relyingParty } from './testing/example-clients.ts';
import { broker, exampleFile } from './testing/example-file.ts';
import { createRig, proposer, type Rig } from './testing/rig.ts';

interface Applied {
  readonly changes: readonly { readonly change: string; readonly kind: string; readonly id: string }[];
  readonly change_counts?: unknown;
  readonly part?: number;
  readonly parts?: number;
}

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const ofChange = () => rig.records.filter(({ type }) => type === 'directory.applied');
const applied = (): readonly Applied[] => ofChange().map(({ data }) => data as unknown as Applied);
const lines = () =>
  applied().flatMap(({ changes }) => changes.map(({ change, kind, id }) => `${change} ${kind} ${id}`));

describe('the record of a change', () => {
  it('lists every changed or removed client and principal, with its kind and id', async () => {
    const directory = await rig.open();
    await directory.apply(fileWithServices(), proposer);
    await directory.edit({ put: { clients: [relyingParty()] } }, proposer);
    rig.records.length = 0;
    const { agents: _, ...file } = fileWithServices();
    const [anna] = file.people;
    if (anna !== undefined) anna['desk'] = 'credit';
    await directory.apply({ ...file, clients: [] }, proposer, { prune: true });
    // Departures run in the background; their completion is not under test here.
    const made = rig.records.filter(({ type }) => type !== 'directory.departure-completed');
    expect(made.map(({ type, data }) => [type, (data as { principal?: string }).principal])).toEqual([
      ['directory.applied', undefined],
      ['directory.departure', 'agent:vwap-1'],
      ['directory.departure', 'person:anna.keller'],
    ]);
    expect(lines()).toEqual([
      'change person person:anna.keller',
      'remove agent agent:vwap-1',
      'remove client broker-dashboard',
      'remove client broker-oms',
    ]);
  });

  it('spreads the list over as many records as it needs', async () => {
    const directory = await rig.open();
    const [institution] = exampleFile().institutions;
    const services = Array.from({ length: 1_500 }, (_, index) => ({
      id: `service:desk-${String(index).padStart(4, '0')}`,
      institution: broker,
      roles: [],
    }));
    await directory.apply({ institutions: [institution], services }, proposer);
    // New entities take nothing from anyone, so they are counted but not listed.
    expect(lines()).toEqual([]);
    expect(applied()[0]).toMatchObject({ change_counts: { add: 1_501, change: 0, remove: 0 } });
    rig.records.length = 0;
    const kept = services.slice(0, 500).map((service) => ({ ...service, roles: ['desk'] }));
    await directory.apply({ institutions: [institution], services: kept }, proposer, { prune: true });
    expect(ofChange().length).toBeGreaterThan(2);
    for (const record of rig.records) expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThan(65_000);
    expect(applied().map(({ part, parts }) => `${part}/${parts}`)).toEqual(
      ofChange().map((_, index) => `${index + 1}/${ofChange().length}`),
    );
    expect(lines().sort()).toEqual(
      services.map(({ id }, index) => `${index < 500 ? 'change' : 'remove'} service ${id}`).sort(),
    );
    expect(applied()[0]).toMatchObject({ change_counts: { add: 0, change: 500, remove: 1_000 } });
  });
});
