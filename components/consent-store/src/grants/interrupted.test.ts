import { ended, type Grant, grantsThing, type RecordType } from '@countersign/contracts';
import { digestOf, newId, systemRandom } from '@countersign/kernel';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newRequest } from '../testing/asked-anew.ts';
import { type ConsentNode, type ConsentWorld, createConsentWorld } from '../testing/consent-world.ts';
import { actor, brokerSignatory } from '../testing/firms.ts';
import { clientId, grantProposal, someMandate } from '../testing/grant-proposal.ts';
import { tradeOrder } from '../testing/trade-order.ts';

let world: ConsentWorld;
let grants: ConsentNode['grants'];
let other: ConsentNode['grants'];
let admin: pg.Pool;
let clients = 0;
const by = actor(brokerSignatory);

beforeAll(async () => {
  world = await createConsentWorld();
  admin = world.scratch.pool('consent-store', { maxConnections: 1 });
  grants = world.store.grants;
  other = (await world.node({ pool: world.scratch.pool('consent-store') })).grants;
});
afterAll(() => world.close());

const coded = (code: string) => expect.objectContaining({ code });
const aClient = () => clientId(`interrupted-${++clients}`);
const recordsAbout = (client: string, ...types: RecordType[]) =>
  world.audit.records.filter((record) => record.client === client && types.includes(record.type));
/** The grant as the record of the consent carries it. */
function recordedGrant(client: string): Grant {
  const [record] = recordsAbout(client, 'consent.given');
  return (record?.data as unknown as { readonly after: Grant } | undefined)?.after ?? never();
}
const never = () => {
  throw new Error('no consent was recorded');
};
const versionsOf = async (id: string) =>
  (
    await admin.query<{ document: Grant }>('select document from grant_versions where id = $1 order by version', [id])
  ).rows.map(({ document }) => document);

/** Breaks its connection between the next record and its row. */
async function interrupted(act: () => Promise<unknown>): Promise<void> {
  world.audit.afterNextAppend(async () => {
    await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
    );
  });
  await expect(act()).rejects.toThrow(coded('database_unavailable'));
}

const second = tradeOrder(someMandate, { idempotency_key: 'order-0002' });

describe('a consent whose process died after its record', () => {
  it('is returned to a repeated decision on any node', async () => {
    const [client, request] = [aClient(), newRequest(world.clock)];
    const proposal = grantProposal({
      client,
      applicationDetails: [{ type: 'https://portal.example/note', note: 'a' }],
    });
    await interrupted(() => grants.give(proposal, request));
    expect(await grants.list({ client })).toEqual([]);
    world.clock.advance(1_000);
    const later = { ...proposal, expiresAt: '2026-06-15T11:00:01.000Z' };
    const given = await other.give(later, request);
    expect(given).toMatchObject({ ...proposal, version: 1, givenAt: '2026-06-15T10:00:00.000Z' });
    expect(recordsAbout(client, 'consent.given', 'grant.changed').map(({ id }) => id)).toEqual([given.recordId]);
    expect(await grants.find(given.id)).toEqual(given);
    expect(await grants.list({ client })).toEqual([given]);
    expect(await grants.give(proposal, request)).toEqual(given);
    expect(await versionsOf(given.id)).toEqual([given]);
  });

  it('is completed when it is looked up', async () => {
    const [client, request] = [aClient(), newRequest(world.clock)];
    await interrupted(() => grants.give(grantProposal({ client }), request));
    const { id, recordId } = recordedGrant(client);
    expect(await other.find(id)).toMatchObject({ id, client, recordId });
    expect(await grants.revoke(id, by, 'No longer needed')).toMatchObject({ version: 2, status: 'revoked' });
    await expect(grants.give(grantProposal({ client }), request)).rejects.toThrow(coded('grant_revoked'));
  });

  it('allows the last decision when the same person decides differently about the same request', async () => {
    const [client, request] = [aClient(), newRequest(world.clock)];
    await interrupted(() => grants.give(grantProposal({ client }), request));
    const narrower = grantProposal({ client, scopes: ['order:create'], expiresAt: '2026-06-15T10:20:00.000Z' });
    const given = await grants.give(narrower, request);
    expect(given).toMatchObject({ ...narrower, version: 2 });
    expect(recordsAbout(client, 'grant.changed')).toMatchObject([{ id: given.recordId, data: { how: 'replace' } }]);
    expect(await grants.list({ client })).toEqual([given]);
  });

  it('is not shared: another person with the same request gives their own consent', async () => {
    const [client, request] = [aClient(), newRequest(world.clock)];
    await interrupted(() => grants.give(grantProposal({ client }), request));
    const theirs = await grants.give(grantProposal({ client, subject: brokerSignatory.id }), request);
    expect(theirs).toMatchObject({ version: 1, subject: brokerSignatory.id });
    expect((await grants.give(grantProposal({ client }), request)).id).not.toBe(theirs.id);
  });

  it('is ended when all consents of its client were ended before the decision was repeated', async () => {
    const [client, request] = [aClient(), newRequest(world.clock)];
    await interrupted(() => grants.give(grantProposal({ client }), request));
    await world.audit.append({
      id: newId('record', { clock: world.clock, random: systemRandom }),
      type: 'token.revoked',
      source: 'authorization-server',
      outcome: 'done',
      standing: [ended(grantsThing({ client }))],
      data: { kind: 'client', id: client, key: digestOf('key'), reason: 'withdrawn' },
    });
    await expect(grants.give(grantProposal({ client }), request)).rejects.toThrow(coded('grant_revoked'));
    expect(await grants.list({ client })).toEqual([]);
  });

  it('is given once by many concurrent repetitions on two nodes', async () => {
    const [client, request] = [aClient(), newRequest(world.clock)];
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, index) =>
        (index % 2 === 0 ? grants : other).give(grantProposal({ client }), request),
      ),
    );
    expect(new Set(answers.map(({ id, recordId, version }) => `${id} ${recordId} ${version}`)).size).toBe(1);
    expect(recordsAbout(client, 'consent.given', 'grant.changed')).toHaveLength(1);
    expect(await versionsOf(answers[0]?.id ?? '')).toHaveLength(1);
  });
});

describe('a change of a consent whose process died after its record', () => {
  it.each(['merge', 'replace'] as const)('counts at once, and once: %s', async (how) => {
    const [client, request] = [aClient(), newRequest(world.clock)];
    const first = await grants.give(grantProposal({ client }));
    const change = (node: ConsentNode['grants']) =>
      node.change(first.id, how, grantProposal({ client, scopes: ['order:read'], details: [second] }), request);
    await interrupted(() => change(grants));
    const changed = await other.find(first.id);
    expect(changed).toMatchObject({
      version: 2,
      scopes: how === 'merge' ? [...first.scopes, 'order:read'] : ['order:read'],
    });
    expect(await change(other)).toEqual(changed);
    expect(await change(grants)).toEqual(changed);
    expect(recordsAbout(client, 'grant.changed').map(({ id }) => id)).toEqual([changed?.recordId]);
    // A decision about another request is another decision.
    expect(await grants.change(first.id, how, grantProposal({ client }))).toMatchObject({ version: 3 });
    expect((await versionsOf(first.id)).map(({ version }) => version)).toEqual([1, 2, 3]);
  });

  it('is the basis of the next change, even if nobody has looked in between', async () => {
    const client = aClient();
    const first = await grants.give(grantProposal({ client }));
    await interrupted(() => grants.change(first.id, 'merge', grantProposal({ client, details: [second] })));
    const third = tradeOrder(someMandate, { idempotency_key: 'order-0003' });
    const merged = await other.change(first.id, 'merge', grantProposal({ client, details: [third] }));
    expect(merged.details).toEqual([...first.details, second, third]);
    expect(merged.version).toBe(3);
  });

  it('is not undone by restoring the earlier row', async () => {
    const client = aClient();
    const first = await grants.give(grantProposal({ client }));
    const narrower = await grants.change(first.id, 'replace', grantProposal({ client, scopes: ['order:read'] }));
    const insertValue = (version: number) =>
      admin.query(
        `insert into grant_versions (id, version, document, record_id, recorded_at) values ($1, $2, $3, 'rec_x', now())`,
        [first.id, version, JSON.stringify(first)],
      );
    await insertValue(3);
    expect(await grants.find(first.id)).toEqual(narrower);
    await insertValue(5);
    await interrupted(() => grants.revoke(first.id, by, 'Laptop lost'));
    expect(await other.find(first.id)).toMatchObject({ version: 3, status: 'revoked' });
    await insertValue(9);
    expect(await other.find(first.id)).toBeUndefined();
  });
});

describe('ending all consents of a client when the process dies in between', () => {
  it('continues where it stopped, and ends each once', async () => {
    const client = aClient();
    for (let count = 0; count < 9; count++) await grants.give(grantProposal({ client }));
    await interrupted(() => grants.revokeAll({ client }, by, 'Client withdrawn'));
    await other.revokeAll({ client }, by, 'Client withdrawn');
    expect(await grants.list({ client, status: 'active' })).toEqual([]);
    expect(await grants.list({ client, status: 'revoked' })).toHaveLength(9);
    expect(recordsAbout(client, 'grant.revoked')).toHaveLength(9);
  });
});

describe('a refusal', () => {
  it('is recorded once for a request, and again if other terms were refused', async () => {
    const [client, request] = [aClient(), newRequest(world.clock)];
    const { expiresAt: _, ...refused } = grantProposal({ client });
    await interruptedAnswer(() => grants.deny(refused, request));
    const record = await other.deny(refused, request);
    expect(recordsAbout(client, 'consent.denied').map(({ id }) => id)).toEqual([record]);
    expect(await grants.deny({ ...refused, scopes: ['order:read'] }, request)).not.toBe(record);
  });
});

/** Its writer never learns that the record was written. */
async function interruptedAnswer(act: () => Promise<unknown>): Promise<void> {
  world.audit.afterNextAppend(async () => {
    throw new Error('the process died');
  });
  await expect(act()).rejects.toThrow('the process died');
}

describe('a thief with the database role of the consent store', () => {
  const write = async (grant: Grant): Promise<void> => {
    await admin.query(
      `insert into grant_versions (id, version, document, record_id, recorded_at) values ($1, $2, $3, $4, now())`,
      [grant.id, grant.version, JSON.stringify(grant), grant.recordId],
    );
    await admin.query(
      `insert into grants (id, version, status, client, subject, institution, expires_at) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (id) do update set version = excluded.version, status = excluded.status`,
      [grant.id, grant.version, grant.status, grant.client, grant.subject, grant.institution, grant.expiresAt],
    );
  };

  it('cannot substitute a wider consent for one that was recorded but not stored', async () => {
    const [client, request] = [aClient(), newRequest(world.clock)];
    await interrupted(() => grants.give(grantProposal({ client }), request));
    const after = recordedGrant(client);
    await write({ ...after, details: [tradeOrder(someMandate), second] });
    await expect(grants.give(grantProposal({ client }), request)).rejects.toThrow(coded('authority_unproven'));
    expect(await grants.find(after.id)).toBeUndefined();
    expect(await grants.list({ client })).toEqual([]);
    // Revoking needs no proof.
    expect(await grants.revokeAll({ client }, by, 'Looked into')).toBe(1);
    expect(await grants.find(after.id)).toMatchObject({ status: 'revoked' });
  });

  it('cannot keep a consent alive by marking it as already ended', async () => {
    const client = aClient();
    const first = await grants.give(grantProposal({ client }));
    await write({ ...first, version: 2, status: 'revoked' });
    expect(await grants.revoke(first.id, by, 'Laptop lost')).toMatchObject({ status: 'revoked', version: 3 });
    expect(recordsAbout(client, 'grant.revoked')).toHaveLength(1);
    await write({ ...first, version: 4 });
    expect(await grants.find(first.id)).toMatchObject({ status: 'revoked' });
    expect(await grants.revokeAll({ client }, by, 'Left')).toBe(0);
  });
});
