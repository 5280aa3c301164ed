import { type DirectorySnapshot, directoryErrors, type Mandate, revocationSubject } from '@countersign/contracts';
import { type Json, newId, type RecordId, type TokenId } from '@countersign/kernel';
import {
  importVerificationKey,
  maxRevocationEntries,
  type RevocableClaims,
  revocationKey,
  verifyRevocationList,
} from '@countersign/oauth';
import { createLogger, type ScratchDatabase } from '@countersign/runtime';
import {
  codeOf,
  createMemoryLog,
  createMemorySigner,
  createTestDatabase,
  everybodyIndependent,
  fixedClock,
  seededRandom,
  testRowSeal,
} from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { authorizationServerMigrations } from '../migrations.ts';
import { type AdministeredRevocations, createRevocations, type RevocationsDependencies } from './revocations.ts';

const issuer = 'https://as.example';
const by = { id: 'person:olivia.ops' };

describe('revocations', () => {
  let database: ScratchDatabase;
  let clock = fixedClock(Date.parse('2026-11-23T10:00:00Z'));
  let log = createMemoryLog(clock, { checked: ['authorization-server'] });
  const signer = createMemorySigner();
  const ended: string[] = [];
  const nodes: AdministeredRevocations[] = [];
  const random = seededRandom('revocations');
  const clearer = '529900CLEARER0000019';
  let institutionStatus = 'ISSUED';
  const directoryVersion = 1;
  let stalledMs = 0;

  /** Moves both clocks: the wall clock and the monotonic clock. */
  function pass(ms: number): void {
    clock.advance(ms);
    stalledMs += ms;
  }

  async function node(
    given: Partial<Pick<RevocationsDependencies, 'independence' | 'log'>> = {},
  ): Promise<AdministeredRevocations> {
    const created = await createRevocations({
      issuer,
      pool: database.pool('authorization-server'),
      rowSeal: testRowSeal,
      log,
      grants: {
        find: async () => undefined,
        revoke: async (id) => {
          ended.push(`grant ${id}`);
          throw new Error('not asked for what it returns');
        },
        revokeAll: async (of) => {
          ended.push(JSON.stringify(of));
          return 1;
        },
      },
      consentStore: {
        withDescendants: async (id) => [id, childMandate],
        find: async (id) => (id === mandate ? ({ id } as unknown as Mandate) : undefined),
      },
      directory: {
        snapshotAtLeast: async (version) => {
          if (version > directoryVersion) throw directoryErrors.error('directory_behind', 'It has not come that far.');
          return {
            institution: (lei: string) =>
              lei === '5493001KJTIIGC8Y1R12' && institutionStatus === 'ISSUED'
                ? undefined
                : { leiStatus: institutionStatus },
            client: (id: string) => (id === 'trading-ui' ? { id } : undefined),
            knownPrincipal: (id: string) => (id === 'person:tom.trader' ? { id } : undefined),
            principals: () => [
              { kind: 'service', id: 'service:clearing', institution: clearer },
              { kind: 'person', id: 'person:tom.trader', institution: '529900T8BM49AURSDO55' },
            ],
          } as unknown as DirectorySnapshot;
        },
      },
      signer,
      independence: everybodyIndependent,
      ...given,
      clock,
      random,
      logger: createLogger({ level: 'silent', name: 'test' }),
      pollMs: 20,
      elapsedMs: () => performance.now() + stalledMs,
    });
    nodes.push(created);
    return created;
  }

  const mandate = newId('mandate', { clock, random });
  const childMandate = newId('mandate', { clock, random });
  const grant = newId('grant', { clock, random });
  const seconds = (): number => Math.floor(clock.now() / 1000);
  const claims = (change: Partial<RevocableClaims> = {}): RevocableClaims => ({
    iat: seconds(),
    jti: 'tok_01k9z3m8q4d6s0v2x5y7a9b1c3' as TokenId,
    sub: 'person:tom.trader',
    client_id: 'trading-ui',
    lei: '529900T8BM49AURSDO55',
    act: { sub: 'service:clearing', act: { sub: 'agent:vwap-1' } },
    mandate: { id: mandate, version: 1 },
    grant: revocationKey({ kind: 'grant', id: grant }),
    ...change,
  });

  beforeAll(async () => {
    database = await createTestDatabase({ components: [authorizationServerMigrations] });
  });
  beforeEach(() => {
    clock = fixedClock(Date.parse('2026-11-23T10:00:00Z'));
    log = createMemoryLog(clock, { checked: ['authorization-server'] });
    ended.length = 0;
    institutionStatus = 'ISSUED';
    stalledMs = 0;
  });
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((each) => each.stop()));
    await database.pool('authorization-server').query('update revocation_tail set position = -1');
  });
  afterAll(() => database.drop());

  it.each([
    ['token', 'tok_01k9z3m8q4d6s0v2x5y7a9b1c3'],
    ['mandate', mandate],
    ['client', 'trading-ui'],
    ['principal', 'person:tom.trader'],
    ['principal', 'agent:vwap-1'],
    ['partner', '529900T8BM49AURSDO55'],
  ] as const)('ends a token by its %s %s on the node that received the request when it answers', async (kind, id) => {
    const revocations = await node();
    expect(revocations.endedBy(claims())).toBeUndefined();
    await revocations.revoke({ kind, id }, by, 'test');
    expect(revocations.endedBy(claims())).toBe(kind);
    expect(log.records.at(-1)).toMatchObject({ type: 'token.revoked', data: { kind, id, reason: 'test' } });
  });

  it('revokes with a partner what its software holds for the people of another one, and everything derived from it', async () => {
    const revocations = await node();
    await revocations.revoke({ kind: 'partner', id: clearer }, by, 'test');
    expect(revocations.endedBy(claims())).toBe('principal');
    const { act: _, ...direct } = claims();
    expect(revocations.endedBy(direct)).toBeUndefined();
  });

  it('continues reading after a directory change that was recorded and never made, and revokes what it removed', async () => {
    const record = (change: { readonly [name: string]: Json }) =>
      log.append({
        id: newId('record', { clock, random }),
        type: 'directory.applied',
        source: 'directory',
        outcome: 'done',
        data: { version: directoryVersion + 1, changes: [change] },
      });
    const first = await node();
    await record({ change: 'remove', kind: 'client', id: 'trading-ui' });
    await record({ change: 'change', kind: 'institution', id: clearer, fields: ['lei_status'] });
    await first.readOn();
    for (const each of [first, await node()]) {
      expect(each.endedBy(claims())).toBe('client');
      expect(each.endedBy(claims({ client_id: 'another', lei: clearer }))).toBe('partner');
    }
  });

  it('derives the version of its list from the log position, across restarts, including records that revoke nothing', async () => {
    const first = await node();
    await first.revoke({ kind: 'client', id: 'trading-ui' }, by, 'test');
    await log.append({
      id: newId('record', { clock, random }),
      type: 'directory.applied',
      source: 'directory',
      outcome: 'done',
      data: { version: 1, changes: [{ change: 'change', kind: 'account', id: 'acc-1' }] },
    });
    await first.readOn();
    const { version } = await verified(first);
    pass(20 * 60_000);
    await first.readOn();
    expect(version).toBe(2);
    expect((await verified(first)).version).toBe(version);
    expect((await verified(await node())).version).toBe(version);
  });

  it('revokes everything issued so far if more ends than a list can name, and continues issuing lists', async () => {
    const revocations = await node();
    for (let count = 0; count <= maxRevocationEntries; count++)
      log.write({ type: 'token.revoked', data: { kind: 'token', id: `token-${count}` } });
    await revocations.readOn();
    expect((await verified(revocations)).revoked.size).toBe(2);
    expect(revocations.endedBy(claims())).toBe('everything');
    expect(revocations.endedBy(claims({ iat: seconds() + 11 }))).toBeUndefined();
  }, 120_000);

  it('reaches another node without a notification', async () => {
    const [here, there] = [await node(), await node()];
    await here.revoke({ kind: 'client', id: 'trading-ui' }, by, 'test');
    await there.readOn();
    expect(there.endedBy(claims())).toBe('client');
    expect(there.endedBy(claims({ client_id: 'another' }))).toBeUndefined();
  });

  it('is read by a node that starts later, and forgotten once every affected token has expired', async () => {
    const first = await node();
    await first.revoke({ kind: 'client', id: 'trading-ui' }, by, 'test');
    const issued = claims();
    clock.advance(120_000);
    const second = await node();
    expect(second.endedBy(issued)).toBe('client');
    // Tokens issued later are checked again.
    expect(second.endedBy(claims())).toBeUndefined();
    pass(400_000);
    await second.readOn();
    expect(await entries(second)).toEqual([]);
  });

  it('is not forgotten by a node whose clock ran ahead for a while', async () => {
    const first = await node();
    await first.revoke({ kind: 'client', id: 'trading-ui' }, by, 'test');
    const issued = claims();
    clock.advance(20 * 60_000);
    // Long enough to store a position but not for a token to expire.
    stalledMs += 31_000;
    await first.readOn();
    clock.advance(-20 * 60_000);
    expect(first.endedBy(issued)).toBe('client');
    expect((await node()).endedBy(issued)).toBe('client');
    expect(await entries(first)).toHaveLength(1);
  });

  it('is listed with the current time after the clock was set back', async () => {
    const revocations = await node();
    await revocations.revoke({ kind: 'client', id: 'trading-ui' }, by, 'test');
    await entries(revocations);
    clock.advance(-3_600_000);
    expect((await verified(revocations)).issuedAt).toBe(clock.now());
  });

  it('stores a position in the log, so that a starting node reads only the last minutes', async () => {
    const first = await node();
    for (let count = 0; count < 5; count++) await first.revoke({ kind: 'client', id: `client-${count}` }, by, 'test');
    pass(20 * 60_000);
    await first.readOn();
    const { rows } = await database
      .pool('authorization-server')
      .query<{ position: string }>('select position from revocation_tail');
    expect(rows[0]?.position).toBe('4');
  });

  it('reads the log from its first record if another party has moved the position ahead', async () => {
    const first = await node();
    await first.revoke({ kind: 'client', id: 'trading-ui' }, by, 'test');
    const pool = database.pool('authorization-server');
    for (const moved of ['set position = 9000000000', `set position = 9000000000, seal = sha256('mine')`]) {
      await pool.query(`update revocation_tail ${moved}`);
      const started = await node();
      expect(started.endedBy(claims())).toBe('client');
      expect((await verified(started)).version).toBe(1);
    }
    await pool.query('delete from revocation_tail');
    expect((await node()).endedBy(claims())).toBe('client');
  });

  it('ends the consents behind a client, a person and a partner, so that no refresh token restores access', async () => {
    const revocations = await node();
    await revocations.revoke({ kind: 'client', id: 'trading-ui' }, by, 'test');
    await revocations.revoke({ kind: 'principal', id: 'person:tom.trader' }, by, 'test');
    await revocations.revoke({ kind: 'partner', id: '529900T8BM49AURSDO55' }, by, 'test');
    expect(ended).toEqual([
      '{"client":"trading-ui"}',
      '{"subject":"person:tom.trader"}',
      '{"institution":"529900T8BM49AURSDO55"}',
    ]);
  });

  describe('a revocation in force until lifted', () => {
    const other = { id: 'person:otto.ops' };
    const anything = () => true;
    const operator = { party: 'operator', mayEnd: anything } as const;
    const standing = async (target: { readonly kind: 'client' | 'principal'; readonly id: string }) =>
      (await log.standings([revocationSubject(target, 'operator')])).get(revocationSubject(target, 'operator'))?.digest;

    it('is identified by its record, lifted by it, and ends everything issued before', async () => {
      const [here, there] = [await node(), await node()];
      const target = { kind: 'client', id: 'trading-ui' } as const;
      const record = await here.revokeUntilLifted(target, by, operator, 'test');
      expect(here.endedBy(claims())).toBe('client');
      expect(await standing(target)).toBeDefined();
      const lifting = await there.lift(record, other, anything, 'found again');
      expect(await standing(target)).toBeUndefined();
      expect(log.records.find(({ id }) => id === lifting)).toMatchObject({
        type: 'revocation.lifted',
        actors: [other],
        references: [record],
        data: { ...target, revocation: record, reason: 'found again' },
      });
      expect(here.endedBy(claims())).toBe('client');
    });

    it('is listed with actor and reason to authorised callers until it is lifted', async () => {
      const revocations = await node();
      const placed = await revocations.revokeUntilLifted({ kind: 'client', id: 'trading-ui' }, by, operator, 'lost');
      await revocations.revokeUntilLifted(
        { kind: 'principal', id: 'person:tom.trader' },
        by,
        { ...operator, party: 'institution' },
        'left',
      );
      await revocations.revokeUntilLifted({ kind: 'mandate', id: mandate }, by, operator, 'in doubt');
      await revocations.revoke({ kind: 'token', id: 'tok_01k9z3m8q4d6s0v2x5y7a9b1c3' }, by, 'ends for good');
      const at = new Date(clock.now()).toISOString();
      const all = await revocations.standing({ limit: 100 }, anything);
      expect(all.revocations).toMatchObject([
        { party: 'institution', kind: 'principal', id: 'person:tom.trader', by: by.id, reason: 'left', at },
        { party: 'operator', kind: 'client', id: 'trading-ui', record: placed, by: by.id, reason: 'lost', at },
        { party: 'operator', kind: 'mandate', id: mandate, reason: 'in doubt' },
      ]);
      const own = await revocations.standing({ limit: 100 }, ({ kind }) => kind === 'client');
      expect(own.revocations).toMatchObject([{ id: 'trading-ui' }]);
      const first = await revocations.standing({ limit: 1 }, anything);
      expect(first.revocations).toHaveLength(1);
      const rest = await revocations.standing({ after: first.next, limit: 100 }, anything);
      expect([...first.revocations, ...rest.revocations]).toEqual(all.revocations);
      await revocations.lift(placed, other, anything, 'found');
      expect((await revocations.standing({ limit: 100 }, anything)).revocations).toHaveLength(2);
    });

    it('is lifted once, by another person, and not by the record of an older one', async () => {
      const revocations = await node();
      const target = { kind: 'principal', id: 'person:tom.trader' } as const;
      const first = await revocations.revokeUntilLifted(target, by, operator, 'test');
      const second = await revocations.revokeUntilLifted(target, by, operator, 'again');
      const lift = (record: RecordId, who = other) => codeOf(revocations.lift(record, who, anything, 'x'));
      expect(await lift(first)).toBe('revocation_not_standing');
      expect(await lift(second, by)).toBe('revocation_same_principal');
      expect(await standing(target)).toBeDefined();
      expect(await codeOf(revocations.lift(second, other, () => false, 'x'))).toBe('revocation_unknown');
      expect(await lift(newId('record', { clock, random }))).toBe('revocation_unknown');
      const answers = await Promise.all([lift(second), lift(second)]);
      expect(answers.sort()).toEqual(['nothing was refused', 'revocation_not_standing']);
    });

    it('is not lifted by or through anyone who took part in placing it; attempts are recorded', async () => {
      const revocations = await node();
      const target = { kind: 'principal', id: 'person:tom.trader' } as const;
      const olivia = { ...by, institution: clearer, through: ['service:console', 'agent:watch'] };
      const record = await revocations.revokeUntilLifted(target, olivia, operator, 'test');
      expect(log.records.at(-1)).toMatchObject({
        type: 'token.revoked',
        actors: [{ ...by, institution: clearer }, { id: 'service:console' }, { id: 'agent:watch' }],
      });
      for (const who of [
        { id: by.id },
        { id: 'service:console' },
        { id: other.id, through: ['agent:watch'] },
        { id: 'service:other', through: ['service:relay', by.id] },
      ]) {
        expect(await codeOf(revocations.lift(record, who, anything, 'x'))).toBe('revocation_same_principal');
        expect(log.records.at(-1)).toMatchObject({
          type: 'access.refused',
          outcome: 'deny',
          reason: 'revocation_same_principal',
          subject: { id: who.id },
          data: { operation: 'revocation:lift', about: record },
        });
        expect(log.records.at(-1)?.actors?.map(({ id }) => id)).toEqual(who.through);
      }
      expect(await standing(target)).toBeDefined();
      const lifting = await revocations.lift(record, { ...other, through: ['service:approver'] }, anything, 'found');
      expect(log.records.find(({ id }) => id === lifting)?.actors).toEqual([other, { id: 'service:approver' }]);
    });

    it('is not lifted by anyone who admitted its placer, nor by anyone the placer admitted; attempts are recorded', async () => {
      const asked: unknown[] = [];
      let independent = false;
      const revocations = await node({
        independence: async (...sides) => {
          asked.push(sides);
          return independent;
        },
      });
      const target = { kind: 'client', id: 'trading-ui' } as const;
      const olivia = { ...by, through: ['service:console'] };
      const otto = { ...other, through: ['service:approver'] };
      const record = await revocations.revokeUntilLifted(target, olivia, operator, 'test');
      expect(await codeOf(revocations.lift(record, otto, anything, 'x'))).toBe('revocation_not_independent');
      expect(asked).toEqual([
        [
          [by.id, 'service:console'],
          [other.id, 'service:approver'],
        ],
      ]);
      expect(log.records.at(-1)).toMatchObject({
        type: 'access.refused',
        reason: 'revocation_not_independent',
        subject: other,
        actors: [{ id: 'service:approver' }],
      });
      expect(await standing(target)).toBeDefined();
      independent = true;
      await revocations.lift(record, otto, anything, 'x');
      expect(await standing(target)).toBeUndefined();
    });

    it('is lifted once, even if a node has lost its lock before recording it', async () => {
      const there = await node();
      const record = await there.revokeUntilLifted({ kind: 'client', id: 'trading-ui' }, by, operator, 'test');
      const admin = database.pool('authorization-server', { maxConnections: 1 });
      const slow = await node({
        log: {
          ...log,
          async append(draft) {
            if (draft.type === 'revocation.lifted') {
              await admin.query(
                `select pg_terminate_backend(pid) from pg_stat_activity
                  where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
              );
              await there.lift(record, { id: 'person:oda.ops' }, anything, 'found first');
            }
            return log.append(draft);
          },
        },
      });
      await expect(slow.lift(record, other, anything, 'found')).rejects.toBeDefined();
      expect(log.records.filter(({ type }) => type === 'revocation.lifted')).toMatchObject([
        { actors: [{ id: 'person:oda.ops' }] },
      ]);
    });

    it('records everyone who may not lift it or lifts it twice', async () => {
      const revocations = await node();
      const target = { kind: 'client', id: 'trading-ui' } as const;
      const record = await revocations.revokeUntilLifted(target, by, operator, 'test');
      const none = newId('record', { clock, random });
      await codeOf(revocations.lift(record, other, () => false, 'x'));
      await codeOf(revocations.lift(none, other, anything, 'x'));
      await revocations.lift(record, other, anything, 'x');
      await codeOf(revocations.lift(record, other, anything, 'x'));
      const refused = log.records.filter(({ type }) => type === 'access.refused');
      expect(refused.map(({ reason, data }) => [reason, data])).toEqual([
        ['revocation_unknown', { operation: 'revocation:lift', about: record }],
        ['revocation_unknown', { operation: 'revocation:lift', about: none }],
        ['revocation_not_standing', { operation: 'revocation:lift', about: record }],
      ]);
    });

    it('stays if the refusal to lift it cannot be recorded', async () => {
      const revocations = await node();
      const record = await revocations.revokeUntilLifted({ kind: 'client', id: 'trading-ui' }, by, operator, 'x');
      log.breakDown('writing');
      expect(await codeOf(revocations.lift(record, by, anything, 'x'))).toBe('log_unavailable');
    });

    it('is not a departure, lock or token revocation, which ends only what was issued', async () => {
      const revocations = await node();
      const target = { kind: 'principal', id: 'person:tom.trader' } as const;
      await revocations.revoke(target, by, 'left');
      expect(await standing(target)).toBeUndefined();
      const [record] = log.records.slice(-1);
      expect(await codeOf(revocations.lift(record?.id as RecordId, other, anything, 'x'))).toBe('revocation_final');
    });

    it.each([
      ['token', 'tok_01k9z3m8q4d6s0v2x5y7a9b1c3'],
      ['token', 'no-token'],
      ['grant', 'grt_01k9z3m8q4d6s0v2x5y7a9b1c3'],
      ['mandate', 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3'],
      ['client', 'nobody'],
      ['principal', 'person:nobody'],
      ['partner', '5493001KJTIIGC8Y1R12'],
    ] as const)('is refused for an unknown %s; the record has its digest', async (kind, id) => {
      const revocations = await node();
      expect(await codeOf(revocations.revokeUntilLifted({ kind, id }, by, operator, 'x'))).toBe(
        'revocation_target_unknown',
      );
      expect(log.records).toMatchObject([
        {
          ...{ type: 'access.refused', outcome: 'deny', reason: 'revocation_target_unknown', subject: by },
          data: { operation: 'token:revoke', about: `${kind}:${revocationKey({ kind, id })}` },
        },
      ]);
      expect(JSON.stringify(log.records)).not.toContain(id);
    });

    it('is refused for targets of others and for the operator itself, with the caller and the acting chain recorded', async () => {
      const revocations = await node();
      const asking = { ...by, institution: clearer, through: ['service:gateway'] };
      const partner = { kind: 'partner', id: clearer } as const;
      const client = { kind: 'client', id: 'trading-ui' } as const;
      const nothing = { party: 'institution', mayEnd: () => false } as const;
      expect(await codeOf(revocations.revokeUntilLifted(client, asking, nothing, 'x'))).toBe(
        'revocation_target_unknown',
      );
      expect(await codeOf(revocations.revokeUntilLifted(partner, asking, operator, 'x'))).toBe('revocation_locks_out');
      expect(log.records.map(({ type, reason, actors, data }) => [type, reason, actors, data])).toEqual([
        [
          ...['access.refused', 'revocation_target_unknown', [{ id: 'service:gateway' }]],
          { operation: 'token:revoke', about: 'client:trading-ui' },
        ],
        [
          ...['access.refused', 'revocation_locks_out', [{ id: 'service:gateway' }]],
          { operation: 'token:revoke', about: `partner:${clearer}` },
        ],
      ]);
      log.breakDown();
      expect(await codeOf(revocations.revokeUntilLifted(client, asking, nothing, 'x'))).toBe('log_unavailable');
    });

    it('finds a token by its issuance record', async () => {
      const revocations = await node();
      const jti = newId('token', { clock, random });
      clock.advance(1_500);
      log.write({ type: 'token.issued', source: 'authorization-server', data: { claims: { jti } } });
      await revocations.revokeUntilLifted({ kind: 'token', id: jti }, by, operator, 'x');
      expect(revocations.endedBy(claims({ jti }))).toBe('token');
    });

    it('changes nothing if it cannot be recorded', async () => {
      const revocations = await node();
      const target = { kind: 'client', id: 'trading-ui' } as const;
      log.breakDown();
      expect(await codeOf(revocations.revokeUntilLifted(target, by, operator, 'x'))).toBe('log_unavailable');
      log.repair();
      const record = await revocations.revokeUntilLifted(target, by, operator, 'x');
      log.breakDown();
      expect(await codeOf(revocations.lift(record, other, anything, 'x'))).toBe('log_unavailable');
      log.repair();
      expect(await standing(target)).toBeDefined();
    });
  });

  it('follows the records of other components: a mandate with its sub-mandates, a consent, a leaver, a lapsed LEI', async () => {
    const revocations = await node();
    const record = (draft: object) =>
      log.append({ id: newId('record', { clock, random }), source: 'test', outcome: 'done', ...draft } as never);
    await record({ type: 'mandate.suspended', mandate: { id: mandate, version: 2 } });
    await record({ type: 'grant.revoked', data: { grant } });
    await record({
      type: 'directory.applied',
      data: { changes: [{ change: 'remove', kind: 'person', id: 'person:leaver' }] },
    });
    institutionStatus = 'LAPSED';
    await record({
      type: 'directory.applied',
      data: {
        changes: [{ change: 'change', kind: 'institution', id: '5493001KJTIIGC8Y1R12', fields: ['lei_status'] }],
      },
    });
    await revocations.readOn();
    const bare = { mandate: undefined, grant: undefined } as unknown as Partial<RevocableClaims>;
    expect(revocations.endedBy(claims({ ...bare, mandate: { id: childMandate, version: 1 } }))).toBe('mandate');
    expect(revocations.endedBy(claims({ ...bare, grant: revocationKey({ kind: 'grant', id: grant }) }))).toBe('grant');
    expect(revocations.endedBy(claims({ ...bare, sub: 'person:leaver' }))).toBe('principal');
    expect(revocations.endedBy(claims({ ...bare, lei: '5493001KJTIIGC8Y1R12' }))).toBe('partner');
    expect(revocations.endedBy(claims(bare))).toBeUndefined();
  });

  it('lets a returning person start anew without restoring earlier tokens', async () => {
    const revocations = await node();
    const apply = (change: 'add' | 'remove') =>
      log.append({
        id: newId('record', { clock, random }),
        type: 'directory.applied',
        source: 'test',
        outcome: 'done',
        data: { version: 1, changes: [{ change, kind: 'client', id: 'trading-ui' }] },
      });
    const before = claims();
    await apply('remove');
    clock.advance(2_000);
    await apply('add');
    await revocations.readOn();
    expect(revocations.endedBy(before)).toBe('client');
    expect(revocations.endedBy(claims())).toBeUndefined();
  });

  it('does not end tokens issued after a suspension, and ends earlier ones despite clock differences', async () => {
    const revocations = await node();
    await revocations.revoke({ kind: 'mandate', id: mandate }, by, 'test');
    expect(revocations.endedBy(claims({ iat: seconds() + 9 }))).toBe('mandate');
    expect(revocations.endedBy(claims({ iat: seconds() + 11 }))).toBeUndefined();
  });

  it('does not report a token as in force once it has lost contact with the log', async () => {
    const revocations = await node();
    log.breakDown();
    stalledMs = 5_001;
    expect(() => revocations.endedBy(claims())).toThrow(expect.objectContaining({ code: 'temporarily_unavailable' }));
    await expect(revocations.list()).rejects.toMatchObject({ code: 'temporarily_unavailable' });
  });

  it('ends nothing if it cannot be recorded', async () => {
    const revocations = await node();
    log.breakDown();
    await expect(revocations.revoke({ kind: 'client', id: 'trading-ui' }, by, 'test')).rejects.toMatchObject({
      code: 'log_unavailable',
    });
    expect(revocations.endedBy(claims())).toBeUndefined();
    expect(ended).toEqual([]);
  });

  it('signs a list that an enforcement point can verify, and answers a waiting one as soon as it changes', async () => {
    const revocations = await node();
    const empty = await verified(revocations);
    expect(empty.revoked.size).toBe(0);
    const waiting = revocations.list(empty.version, 10_000);
    await revocations.revoke({ kind: 'client', id: 'trading-ui' }, by, 'test');
    const list = await read(await waiting);
    expect(list.version).toBeGreaterThan(empty.version);
    expect([...list.revoked.keys()]).toEqual([revocationKey({ kind: 'client', id: 'trading-ui' })]);
  });

  async function read(text: string) {
    const keys = await signer.publicKeys('id-token');
    return verifyRevocationList(text, {
      issuer,
      now: clock.now(),
      keyOf: (kid) => {
        const key = keys.find((candidate) => candidate.kid === kid);
        return key === undefined ? undefined : importVerificationKey(key.jwk);
      },
    });
  }
  const verified = async (revocations: AdministeredRevocations) => read(await revocations.list());
  const entries = async (revocations: AdministeredRevocations) => [...(await verified(revocations)).revoked.keys()];
});
