import type { Grant, GrantProposal } from '@countersign/contracts';
import { digestOf, type GrantId, parseId } from '@countersign/kernel';
import { digestOfIntent } from '@countersign/market';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsentNode, type ConsentWorld, createConsentWorld } from '../testing/consent-world.ts';
import { actor, broker, brokerClerk, brokerSignatory, fund, fundSignatory } from '../testing/firms.ts';
import { clientId, grantProposal, someMandate } from '../testing/grant-proposal.ts';
import { tradeOrder } from '../testing/trade-order.ts';

let world: ConsentWorld;
let grants: ConsentNode['grants'];
let names = 0;
const by = actor(brokerSignatory);
const absent = parseId('grant', 'grt_00000000000000000000000000') as GrantId;

beforeAll(async () => {
  world = await createConsentWorld();
  grants = world.store.grants;
});
afterAll(() => world.close());

const coded = (code: string) => expect.objectContaining({ code });
const aClient = () => clientId(`client-${++names}`);
const recordsOf = (id: string, type: 'grant.revoked' | 'grant.changed' | 'consent.given') =>
  world.audit.records.filter((record) => record.type === type && (record.data as { grant?: string }).grant === id);

/** How many versions of a grant the database holds. */
async function versionsOf(id: string): Promise<number> {
  const { rows } = await world.scratch
    .pool('consent-store', { maxConnections: 1 })
    .query<{ count: number }>('select count(*)::int as count from grant_versions where id = $1', [id]);
  return rows[0]?.count ?? 0;
}

describe('a given consent', () => {
  it('records in the open that something was allowed, and restricts what was to be traded', async () => {
    const { id } = await grants.give(grantProposal({ client: aClient() }));
    const draft = world.audit.drafts.find(({ data }) => (data as { grant?: string }).grant === id);
    const { protectedValues, ...open } = draft ?? {};
    expect(protectedValues?.map(({ path, kind, subject }) => [path, kind, subject])).toEqual([
      ['/data/details', 'strategy', brokerClerk.institution],
    ]);
    expect(JSON.stringify(protectedValues)).toContain('"120000"');
    expect(JSON.stringify(open)).not.toMatch(/"120000"|FUND-1|DE0007164600/);
  });

  it('is recorded with what was shown and allowed before it is stored', async () => {
    const proposal = grantProposal();
    const grant = await grants.give(proposal);
    expect(grant).toEqual({
      ...proposal,
      id: expect.stringMatching(/^grt_/),
      version: 1,
      status: 'active',
      givenAt: '2026-06-15T10:00:00.000Z',
      recordId: expect.stringMatching(/^rec_/),
      decision: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(await grants.find(grant.id)).toEqual(grant);
    const { details, ...carried } = grant;
    const [detail] = details;
    if (detail === undefined) throw new Error('no detail');
    expect(recordsOf(grant.id, 'consent.given')).toEqual([
      {
        id: grant.recordId,
        type: 'consent.given',
        source: 'consent-store',
        outcome: 'permit',
        subject: actor(brokerClerk),
        client: proposal.client,
        scope: proposal.scopes,
        audience: proposal.resources,
        authentication: { acr: proposal.acr, amr: proposal.amr, authTime: proposal.authTime },
        intent: digestOfIntent(detail),
        standing: [{ of: `grant:${grant.id}`, digest: digestOf(JSON.parse(JSON.stringify(grant))) }],
        data: {
          grant: grant.id,
          version: 1,
          client: proposal.client,
          acr: proposal.acr,
          scopes: proposal.scopes,
          resources: proposal.resources,
          details: [{ type: detail.type, intent_digest: digestOfIntent(detail), detail }],
          expires_at: proposal.expiresAt,
          thing: `grant:${grant.id}`,
          after: carried,
        },
      },
    ]);
  });

  it('names one intent only if there is one', async () => {
    const two = [tradeOrder(someMandate), tradeOrder(someMandate, { idempotency_key: 'order-0002' })];
    for (const details of [[], two]) {
      const { id } = await grants.give(grantProposal({ details }));
      const [record] = recordsOf(id, 'consent.given');
      expect(record).not.toHaveProperty('intent');
      expect(record?.data).toMatchObject({ details: details.map((detail) => ({ detail })) });
    }
  });

  it('is not stored when it cannot be recorded', async () => {
    const client = aClient();
    world.audit.breakDown('writing');
    await expect(grants.give(grantProposal({ client }))).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
    expect(await grants.list({ client })).toEqual([]);
  });

  it('stores only members of a grant, and one form of its end', async () => {
    const grant = await grants.give({
      ...grantProposal({ expiresAt: '2026-06-15T13:00:00+02:00' }),
      note: 'x',
    } as GrantProposal);
    expect(grant).not.toHaveProperty('note');
    expect(grant.expiresAt).toBe('2026-06-15T11:00:00.000Z');
    await expect(grants.give(grantProposal({ expiresAt: 'soon' }))).rejects.toThrow(/not a valid time/);
  });
});

describe('a denied consent', () => {
  it('is recorded, and nothing is stored', async () => {
    const client = aClient();
    const { expiresAt: _, ...refused } = grantProposal({ client });
    const id = await grants.deny(refused);
    expect(world.audit.ofType('consent.denied').filter((record) => record.client === client)).toMatchObject([
      { id, outcome: 'deny', reason: 'access_denied', subject: actor(brokerClerk), data: { scopes: refused.scopes } },
    ]);
    expect(await grants.list({ client })).toEqual([]);
  });
});

const anApplicationDetail = {
  type: 'https://portal.example/note' as const,
  locations: ['https://n.example'],
  note: 'a',
};

describe('changing a grant', () => {
  const other = tradeOrder(someMandate, { idempotency_key: 'order-0002' });

  it('merges: what either allows, and for one intent the newer', async () => {
    const first = await grants.give(
      grantProposal({ details: [tradeOrder(someMandate), tradeOrder(someMandate, { idempotency_key: 'order-0003' })] }),
    );
    const again = tradeOrder(someMandate, { max_qty: '5' });
    const merged = await grants.change(
      first.id,
      'merge',
      grantProposal({
        scopes: ['order:create', 'order:read'],
        details: [again, other],
        acr: 'urn:example:acr:weak',
        expiresAt: '2026-06-15T12:00:00.000Z',
      }),
    );
    expect(merged).toMatchObject({
      id: first.id,
      version: 2,
      status: 'active',
      acr: 'urn:example:acr:weak',
      expiresAt: first.expiresAt,
      scopes: ['openid', 'order:create', 'order:read'],
      resources: ['https://venue.example/orders'],
    });
    expect(merged.details).toEqual([first.details[1], again, other]);
    expect(await grants.find(first.id)).toEqual(merged);
    expect(recordsOf(first.id, 'grant.changed')).toMatchObject([
      { id: merged.recordId, references: [first.recordId], data: { how: 'merge', version: 2, scopes: merged.scopes } },
    ]);
    expect(await versionsOf(first.id)).toBe(2);
  });

  it.each<[string, Partial<GrantProposal>, Partial<GrantProposal>]>([
    ['another interface', {}, { resources: ['https://clearing.example/'] }],
    ['a detail of an application', {}, { applicationDetails: [anApplicationDetail] }],
    ['a grant that has one', { applicationDetails: [anApplicationDetail] }, {}],
  ])('does not merge what was shown for something else: %s', async (_, before, asked) => {
    const first = await grants.give(grantProposal(before));
    await expect(grants.change(first.id, 'merge', grantProposal(asked))).rejects.toThrow(coded('grant_not_mergeable'));
    expect(await grants.find(first.id)).toEqual(first);
    expect(await grants.change(first.id, 'replace', grantProposal(asked))).toMatchObject({ version: 2 });
  });

  it('keeps application details once each, and out of the open part of the record', async () => {
    const grant = await grants.give(
      grantProposal({ details: [], applicationDetails: [anApplicationDetail, { ...anApplicationDetail }] }),
    );
    expect(grant.applicationDetails).toEqual([anApplicationDetail]);
    const given = world.audit.drafts.find(({ id }) => id === grant.recordId);
    expect(given?.protectedValues?.map(({ path, kind }) => [path, kind])).toEqual([
      ['/data/application_details', 'strategy'],
    ]);
    const { protectedValues: _, ...open } = given ?? {};
    expect(JSON.stringify(open)).not.toContain('portal.example');
    const replaced = await grants.change(grant.id, 'replace', grantProposal());
    expect(replaced).not.toHaveProperty('applicationDetails');
  });

  it('merges to the earlier end time, and replaces with the newer one', async () => {
    const sooner = '2026-06-15T10:30:00.000Z';
    const later = '2026-06-15T12:00:00.000Z';
    for (const [how, expiresAt, ends] of [
      ['merge', sooner, sooner],
      ['merge', later, '2026-06-15T11:00:00.000Z'],
      ['replace', later, later],
    ] as const) {
      const { id } = await grants.give(grantProposal());
      expect((await grants.change(id, how, grantProposal({ expiresAt }))).expiresAt).toBe(ends);
    }
    const { id } = await grants.give(grantProposal());
    await expect(grants.change(id, 'merge', grantProposal({ expiresAt: 'soon' }))).rejects.toThrow(/not a valid time/);
  });

  it('replaces: only what is allowed now', async () => {
    const first = await grants.give(grantProposal());
    const terms = { scopes: ['order:read'], details: [other], resources: [] } as const;
    const replaced = await grants.change(first.id, 'replace', grantProposal(terms));
    expect(replaced).toMatchObject({ version: 2, ...terms });
    expect(recordsOf(first.id, 'grant.changed')).toMatchObject([{ data: { how: 'replace' } }]);
  });

  it.each<[string, Partial<GrantProposal>]>([
    ['another client', { client: clientId('other-screen') }],
    ['another person', { subject: brokerSignatory.id }],
    ['the same person at another institution', { institution: fund }],
  ])('is refused for %s', async (_, changes) => {
    const first = await grants.give(grantProposal());
    for (const how of ['merge', 'replace'] as const)
      await expect(grants.change(first.id, how, grantProposal(changes))).rejects.toThrow(coded('grant_foreign'));
    expect(await grants.find(first.id)).toEqual(first);
    expect(recordsOf(first.id, 'grant.changed')).toEqual([]);
  });

  it('is refused when it does not exist, when it was revoked, and from the millisecond it expires', async () => {
    await expect(grants.change(absent, 'merge', grantProposal())).rejects.toThrow(coded('grant_not_found'));
    const revoked = await grants.give(grantProposal());
    await grants.revoke(revoked.id, by, 'No longer needed');
    await expect(grants.change(revoked.id, 'merge', grantProposal())).rejects.toThrow(coded('grant_revoked'));
    const before = await grants.give(grantProposal({ expiresAt: '2026-06-15T10:00:00.001Z' }));
    const expired = await grants.give(grantProposal({ expiresAt: '2026-06-15T10:00:00.000Z' }));
    expect(await grants.change(before.id, 'merge', grantProposal())).toMatchObject({ version: 2 });
    await expect(grants.change(expired.id, 'replace', grantProposal())).rejects.toThrow(coded('grant_expired'));
  });

  it('changes nothing when it cannot be recorded', async () => {
    const first = await grants.give(grantProposal());
    world.audit.breakDown('writing');
    await expect(grants.change(first.id, 'replace', grantProposal({ scopes: [] }))).rejects.toThrow(
      coded('log_unavailable'),
    );
    world.audit.repair();
    expect(await grants.find(first.id)).toEqual(first);
  });

  it('loses none of many concurrent changes', async () => {
    const { id } = await grants.give(grantProposal({ details: [] }));
    const orders = Array.from({ length: 12 }, (_, index) =>
      tradeOrder(someMandate, { idempotency_key: `order-at-once-${index}` }),
    );
    await Promise.all(orders.map((order) => grants.change(id, 'merge', grantProposal({ details: [order] }))));
    const merged = await grants.find(id);
    expect(merged?.version).toBe(13);
    expect(new Set(merged?.details.map(({ idempotency_key }) => idempotency_key)).size).toBe(12);
    expect(await versionsOf(id)).toBe(13);
  });
});

describe('revoking a grant', () => {
  it('ends it on every node at once, recorded with who did it and why', async () => {
    const other = await world.node({ pool: world.scratch.pool('consent-store') });
    const given = await grants.give(grantProposal());
    const revoked = await grants.revoke(given.id, by, 'Laptop lost');
    expect(revoked).toEqual({ ...given, version: 2, status: 'revoked', recordId: revoked.recordId });
    expect(await other.grants.find(given.id)).toEqual(revoked);
    const { details: _, ...carried } = revoked;
    expect(recordsOf(given.id, 'grant.revoked')).toEqual([
      {
        id: revoked.recordId,
        type: 'grant.revoked',
        source: 'consent-store',
        outcome: 'done',
        references: [given.recordId],
        standing: [{ of: `grant:${given.id}` }],
        subject: by,
        client: given.client,
        data: {
          grant: given.id,
          version: 2,
          client: given.client,
          subject: given.subject,
          institution: broker,
          reason: 'Laptop lost',
          thing: `grant:${given.id}`,
          after: carried,
          previous: given.recordId,
        },
      },
    ]);
    expect(await versionsOf(given.id)).toBe(2);
  });

  it('happens once, however many ask on two nodes at once', async () => {
    const other = await world.node({ pool: world.scratch.pool('consent-store') });
    const { id } = await grants.give(grantProposal());
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        (index % 2 === 0 ? grants : other.grants).revoke(id, by, 'Code replayed'),
      ),
    );
    expect(new Set(answers.map(({ recordId }) => recordId)).size).toBe(1);
    expect(answers.every(({ status, version }) => status === 'revoked' && version === 2)).toBe(true);
    expect(recordsOf(id, 'grant.revoked')).toHaveLength(1);
  });

  it('fails when it cannot be recorded', async () => {
    const given = await grants.give(grantProposal());
    world.audit.breakDown('writing');
    await expect(grants.revoke(given.id, by, 'Now')).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
    expect(await grants.find(given.id)).toEqual(given);
  });

  it('takes effect when the connection breaks between record and commit, and is completed by the next reader', async () => {
    const given = await grants.give(grantProposal());
    const admin = world.scratch.pool('consent-store');
    world.audit.afterNextAppend(async () => {
      await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
      );
    });
    await expect(grants.revoke(given.id, by, 'Now')).rejects.toThrow(coded('database_unavailable'));
    expect(await grants.find(given.id)).toMatchObject({ status: 'revoked', version: 2, details: given.details });
    expect(await grants.revoke(given.id, by, 'Now')).toMatchObject({ status: 'revoked', version: 2 });
    expect(recordsOf(given.id, 'grant.revoked')).toHaveLength(1);
  });

  it('reports an unknown grant', async () => {
    await expect(grants.revoke(absent, by, 'Now')).rejects.toThrow(coded('grant_not_found'));
    expect(await grants.find(absent)).toBeUndefined();
  });
});

describe('revoking all grants of a party', () => {
  const give = (count: number, changes: Partial<GrantProposal>) =>
    Promise.all(Array.from({ length: count }, () => grants.give(grantProposal(changes))));
  const standing = async (of: { readonly client: string }) =>
    (await grants.list({ ...of, status: 'active' })).map(({ id }) => id);

  it('ends those of the client, the person or the institution, in as many batches as needed, and nobody else’s', async () => {
    const client = aClient();
    const given = await give(230, { client });
    const [bystander] = await give(1, { client: aClient() });
    expect(await grants.revokeAll({ client }, by, 'Client withdrawn')).toBe(230);
    expect(await standing({ client })).toEqual([]);
    for (const { id } of given) expect(recordsOf(id, 'grant.revoked')).toHaveLength(1);
    expect(await grants.find(bystander?.id ?? absent)).toEqual(bystander);
    expect(await grants.revokeAll({ client }, by, 'Client withdrawn')).toBe(0);

    const [ofFay] = await give(1, { client, subject: fundSignatory.id, institution: fund });
    expect(await grants.revokeAll({ subject: fundSignatory.id }, by, 'Left')).toBe(1);
    expect(await grants.find(ofFay?.id ?? absent)).toMatchObject({ status: 'revoked' });
    await give(2, { client, subject: fundSignatory.id, institution: fund });
    expect(await grants.revokeAll({ institution: fund }, by, 'End of relationship')).toBe(2);
    expect(await grants.find(bystander?.id ?? absent)).toEqual(bystander);
  });

  it('ends each once when two nodes do it together, and counts it once', async () => {
    const other = await world.node({ pool: world.scratch.pool('consent-store') });
    const client = aClient();
    const given = await give(150, { client });
    const counts = await Promise.all([
      grants.revokeAll({ client }, by, 'Client withdrawn'),
      other.grants.revokeAll({ client }, by, 'Client withdrawn'),
    ]);
    expect(counts[0] + counts[1]).toBe(150);
    for (const { id } of given) expect(recordsOf(id, 'grant.revoked')).toHaveLength(1);
  });

  it('skips grants that expired long before, and not those that have just expired', async () => {
    const client = aClient();
    const [long] = await give(1, { client, expiresAt: '2026-06-15T09:49:59.000Z' });
    await give(1, { client, expiresAt: '2026-06-15T09:59:00.000Z' });
    expect(await grants.revokeAll({ client }, by, 'Client withdrawn')).toBe(1);
    expect(await standing({ client })).toEqual([long?.id]);
  });

  it('continues where it stopped when the log could not be written', async () => {
    const client = aClient();
    await give(3, { client });
    world.audit.breakDown();
    await expect(grants.revokeAll({ client }, by, 'Now')).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
    expect(await standing({ client })).toHaveLength(3);
    expect(await grants.revokeAll({ client }, by, 'Now')).toBe(3);
  });
});

describe('looking a grant up', () => {
  it('asks the log once while it is in force, as every token issued under it does, and never once it has ended', async () => {
    let asked = 0;
    const node = await world.node({
      pool: world.scratch.pool('consent-store'),
      audit: {
        ...world.audit,
        standings(things) {
          asked++;
          return world.audit.standings(things);
        },
      },
    });
    const { id } = await grants.give(grantProposal());
    for (const [status, asks] of [
      ['active', 1],
      ['revoked', 0],
    ] as const) {
      asked = 0;
      expect(await node.grants.find(id)).toMatchObject({ status });
      expect(asked).toBe(asks);
      await grants.revoke(id, by, 'Now');
    }
  });
});

describe('the grant list', () => {
  it('shows newest versions, oldest grant first, page by page, by every filter and their combination', async () => {
    const client = aClient();
    const given: Grant[] = [];
    for (let index = 0; index < 4; index++) {
      given.push(await grants.give(grantProposal({ client, ...(index === 3 ? { subject: brokerSignatory.id } : {}) })));
      world.clock.advance(1);
    }
    const ids = given.map(({ id }) => id);
    const revoked = await grants.revoke(ids[1] ?? absent, by, 'Now');
    const listed = async (of: Parameters<ConsentNode['grants']['list']>[0]) =>
      (await grants.list(of)).map(({ id }) => id);

    expect((await grants.list({ client }))[1]).toEqual(revoked);
    expect(await listed({ client })).toEqual(ids);
    expect(await listed({ client, limit: 2 })).toEqual(ids.slice(0, 2));
    expect(await listed({ client, after: ids[1] ?? absent })).toEqual(ids.slice(2));
    expect(await listed({ client, status: 'active' })).toEqual([ids[0], ids[2], ids[3]]);
    expect(await listed({ client, status: 'revoked' })).toEqual([ids[1]]);
    expect(await listed({ client, subject: brokerSignatory.id })).toEqual([ids[3]]);
    expect(await listed({ client, institution: broker })).toEqual(ids);
    const ends = Date.parse(given[0]?.expiresAt ?? '');
    expect(await listed({ client, endingAfter: ends - 1 })).toEqual(ids);
    expect(await listed({ client, endingAfter: ends })).toEqual([]);
    expect(await listed({ client, institution: fund })).toEqual([]);
    expect(await listed({ limit: 5_000 })).toEqual(expect.arrayContaining(ids));
  });
});

describe('a stored consent', () => {
  it('cannot be changed or deleted, even by our own role', async () => {
    const { id } = await grants.give(grantProposal());
    const pool = world.scratch.pool('consent-store');
    for (const statement of [
      'update grant_versions set version = version where id = $1',
      'delete from grant_versions where id = $1',
    ])
      await expect(pool.query(statement, [id])).rejects.toThrow(/never changed/);
  });
});

describe('with very many grants', () => {
  it('reads rows in proportion to the answer, not to what is stored, for every query', async () => {
    const own = await createConsentWorld();
    const pool = own.scratch.pool('consent-store', { maxConnections: 1 });
    const node = await own.node({ pool });
    // A client and a person with twenty thousand old grants, half revoked, all long expired.
    await pool.query(
      `with made as (
         insert into grant_versions (id, version, document, record_id, recorded_at)
         select 'grt_' || lpad(n::text, 26, '0'), 1, '{}', 'rec_' || n, to_timestamp(0) from generate_series(1, 20000) n returning id
       )
       insert into grants (id, version, status, client, subject, institution, expires_at)
       select id, 1, case when right(id, 1) < '5' then 'active' else 'revoked' end, $1, $2, $3, to_timestamp(0) from made`,
      ['order-screen', brokerClerk.id, broker],
    );
    // As autovacuum does; the component's own role may not.
    const owner = new pg.Client(own.scratch.connection);
    await owner.connect();
    await owner.query('analyze');
    await owner.end();
    const readRows = async (): Promise<number> => {
      await pool.query('select pg_stat_force_next_flush()');
      const { rows } = await pool.query<{ read: string }>(
        `select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) as read from pg_stat_user_tables where schemaname = 'consent_store'`,
      );
      return Number(rows[0]?.read);
    };

    const before = await readRows();
    const { id } = await node.grants.give(grantProposal());
    await node.grants.find(id);
    await node.grants.change(id, 'merge', grantProposal());
    const of = { client: 'order-screen', subject: brokerClerk.id, institution: broker, limit: 5 };
    for (const filter of [{ client: of.client }, { subject: of.subject }, { institution: of.institution }, of, {}])
      for (const status of [{}, { status: 'active' as const }, { status: 'revoked' as const }])
        await node.grants.list({ ...filter, ...status, limit: 5, after: absent });
    for (const filter of [{ client: of.client }, { subject: of.subject }, { client: of.client, subject: of.subject }])
      expect(await node.grants.list({ ...filter, status: 'active', endingAfter: world.clock.now() })).toHaveLength(1);
    expect(await node.grants.revokeAll({ client: of.client }, by, 'Client withdrawn')).toBe(1);
    expect(await node.grants.revokeAll({ subject: of.subject }, by, 'Left')).toBe(0);
    expect(await node.grants.revokeAll({ institution: of.institution }, by, 'Ended')).toBe(0);
    // Fifteen pages of five or ten, each row read from both tables, and a few single rows.
    expect((await readRows()) - before).toBeLessThan(500);
    await own.close();
  });
});
