import type { Independence, ProposerStanding, RecordDraft, Requester, TrustProfile } from '@countersign/contracts';
import { createDirectory, type DirectoryComponent, directoryMigrations } from '@countersign/directory';
import { CodedError, systemRandom } from '@countersign/kernel';
import { createLogger, type ScratchDatabase } from '@countersign/runtime';
import {
  createMemoryLog,
  createTestDatabase,
  type FixedClock,
  fixedClock,
  leiOf,
  type MemoryLog,
} from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTrustRegistry, type TrustRegistryComponent, trustRegistryMigrations } from './index.ts';

// Trust in a partner needs two people; withdrawing it needs one. Includes the directory, whose change requests carry it.

const [operator, broker, other] = [leiOf('529900OPERATOR'), leiOf('529900BROKER'), leiOf('529900OTHER')];
const issuer = 'https://idp.broker.example';
const olga: Requester = { id: 'person:olga', institution: operator, through: ['service:cli'] };
const piet: Requester = { id: 'person:piet', institution: operator, through: ['service:approver'] };
const logger = createLogger({ level: 'silent', name: 'test' });

const profile = (change: object = {}) => ({
  institution: broker,
  issuer,
  jwksUri: `${issuer}/jwks.json`,
  algorithms: ['ES256', 'EdDSA'],
  maxLifetimeSeconds: 120,
  requiredClaims: ['department'],
  acrValues: ['phr', 'phrh'],
  maxAuthenticationAgeSeconds: 3600,
  signIn: { clientId: 'countersign', classes: { phrh: 'phr' } },
  ...change,
});

let database: ScratchDatabase;
let log: MemoryLog;
let clock: FixedClock;
let standing: ProposerStanding;
let independence: Independence;
let stopping: (() => Promise<void>)[];
let directory: DirectoryComponent;
let registry: TrustRegistryComponent;

beforeEach(async () => {
  database = await createTestDatabase({ components: [directoryMigrations, trustRegistryMigrations] });
  clock = fixedClock(Date.UTC(2026, 10, 21));
  log = createMemoryLog(clock);
  standing = async () => undefined;
  independence = async () => true;
  stopping = [];
  ({ directory, registry } = await node());
  await directory.apply(
    {
      institutions: [
        { lei: broker, name: 'Broker', country: 'DE' },
        { lei: other, name: 'Other', country: 'DE' },
      ],
    },
    { id: 'person:olga', institution: operator },
  );
});
afterEach(async () => {
  for (const stop of stopping.reverse()) await stop();
  await database.drop();
});

/** The log of a process that dies once, when the next record of this type is durable. */
function dyingAfter(type: RecordDraft['type']): MemoryLog {
  let last: RecordDraft['type'] | undefined = type;
  return {
    ...log,
    async append(draft) {
      const receipt = await log.append(draft);
      if (draft.type !== last) return receipt;
      last = undefined;
      throw new Error('the process died');
    },
  };
}

async function node(audit = log, pollMs = 2_000) {
  const accessOf = (name: 'directory' | 'trust-registry') => {
    const component = database.components.find((each) => each.name === name);
    if (component === undefined) throw new Error('no component');
    const { role, schema } = component;
    return { database: database.database, role, schema, applicationName: name };
  };
  const common = { clock, random: systemRandom, audit, logger, pollMs };
  let profiles: TrustRegistryComponent | undefined;
  const made = await createDirectory({
    ...common,
    pool: database.pool('directory'),
    access: accessOf('directory'),
    seed: { institutions: [{ lei: operator, name: 'Operator', country: 'DE' }] },
    proposerStanding: (proposal) => standing(proposal),
    independence: (...sides) => independence(...sides),
    profiles: () => profiles,
  });
  profiles = await createTrustRegistry({
    ...common,
    pool: database.pool('trust-registry'),
    access: accessOf('trust-registry'),
    directory: made,
  });
  const [first, second] = [made, profiles];
  stopping.push(
    () => first.stop(),
    () => second.stop(),
  );
  return { directory: made, registry: profiles };
}

async function propose(change: object = {}, by = olga) {
  const answer = await registry.register(profile(change), by, 'a new partner');
  if (!('proposed' in answer)) throw new Error('one person was enough');
  return answer.proposed;
}

/** A profile in force, approved by two people. */
async function registered(): Promise<TrustProfile> {
  const { id, digest } = await propose();
  await directory.approve(id, digest, piet);
  const found = await registry.profileOf(issuer);
  if (found === undefined) throw new Error('it is not in force');
  return found;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: unknown) => {
      if (error instanceof CodedError) return error.code;
      throw error;
    },
  );
}

describe('the profile of a partner', () => {
  it('is proposed by one person and approved by another, recorded at each step before it takes effect', async () => {
    const request = await propose();
    expect(request).toMatchObject({
      status: 'proposed',
      proposedBy: olga.id,
      reason: 'a new partner',
      changes: [{ change: 'add', kind: 'partner', id: issuer }],
    });
    expect(await registry.profileOf(issuer)).toBeUndefined();
    expect(await directory.changeRequest(request.id)).toMatchObject({
      current: true,
      entities: [{ change: 'add', kind: 'partner', id: issuer, after: { jwks_uri: `${issuer}/jwks.json` } }],
    });
    expect(await directory.approve(request.id, request.digest, piet)).toEqual({ version: 1, changes: request.changes });
    const now = await registry.profileOf(issuer);
    expect(now).toMatchObject({ ...profile(), algorithms: ['ES256', 'EdDSA'], version: 1 });
    const [proposal] = log.ofType('directory.change-proposed');
    const [approval] = log.ofType('directory.change-approved');
    expect(approval).toMatchObject({ subject: { id: piet.id }, references: [proposal?.id] });
    expect(log.ofType('partner.profile-registered')).toMatchObject([
      {
        id: now?.recordId,
        subject: { id: piet.id },
        references: [approval?.id],
        data: { change_request: request.id, proposed_by: olga.id, reason: 'a new partner' },
      },
    ]);
    expect(await codeOf(directory.approve(request.id, request.digest, piet))).toBe('change_decided');
    // Another node has it as well, by its record.
    expect(await (await node()).registry.profileOf(issuer)).toEqual(now);
  });

  const widened: readonly (readonly [string, object])[] = [
    ['another key set', { jwksUri: `${issuer}/other.json` }],
    ['another algorithm', { algorithms: ['ES256', 'EdDSA', 'PS256'] }],
    ['another class', { acrValues: ['phr', 'phrh', 'pwd'] }],
    ['a longer life', { maxLifetimeSeconds: 121 }],
    ['older sign-ins', { maxAuthenticationAgeSeconds: 3601 }],
    ['a claim less', { requiredClaims: [] }],
    ['another client', { signIn: { clientId: 'other', classes: { phrh: 'phr' } } }],
    ['another worth of a class', { signIn: { clientId: 'countersign', classes: { phr: 'phrh', phrh: 'phr' } } }],
    ['a class that is worth its own name again', { signIn: { clientId: 'countersign', classes: {} } }],
  ];
  it.each(widened)('waits for a second person with %s', async (_name, change) => {
    const before = await registered();
    const request = await propose(change);
    const [name] = Object.keys(change);
    expect(await registry.profileOf(issuer)).toEqual(before);
    const [line] = request.changes;
    expect(line).toMatchObject({ change: 'change', kind: 'partner', fields: [expect.any(String)] });
    await directory.approve(request.id, request.digest, piet);
    expect(await registry.profileOf(issuer)).toMatchObject({ version: 2, [String(name)]: expect.anything() });
  });

  const narrowed: readonly (readonly [string, object])[] = [
    ['fewer algorithms', { algorithms: ['ES256'] }],
    ['fewer classes', { acrValues: ['phrh'] }],
    ['a shorter life', { maxLifetimeSeconds: 60 }],
    ['fresher sign-ins', { maxAuthenticationAgeSeconds: 60 }],
    ['another claim', { requiredClaims: ['department', 'desk'] }],
    ['no sign-in to our pages', { signIn: undefined }],
  ];
  it.each(narrowed)('is in force at once with %s', async (_name, change) => {
    await registered();
    const input = Object.fromEntries(Object.entries(profile(change)).filter(([, value]) => value !== undefined));
    const answer = await registry.register(input, olga, 'less');
    expect(answer).toMatchObject({ profile: { version: 2 } });
    expect(log.ofType('partner.profile-registered').at(-1)).toMatchObject({
      subject: { id: olga.id },
      data: { reason: 'less' },
    });
  });

  it('is suspended by one person at once, and trusted again by two', async () => {
    const { id } = await registered();
    const suspended = await registry.suspend(id, olga, 'keys were stolen');
    expect(suspended).toMatchObject({ version: 2, suspended: true });
    expect(await (await node()).registry.profileOf(issuer)).toEqual(suspended);
    // Not even a change that would reduce trust.
    const request = await propose({ maxLifetimeSeconds: 60 });
    expect(request.changes).toMatchObject([{ fields: ['max_lifetime_seconds', 'suspended'] }]);
    expect(await registry.profileOf(issuer)).toEqual(suspended);
    await directory.approve(request.id, request.digest, piet);
    const again = await registry.profileOf(issuer);
    expect(again).toMatchObject({ version: 3, maxLifetimeSeconds: 60 });
    expect(again).not.toHaveProperty('suspended');
  });

  it('that was proposed before a suspension does not end it', async () => {
    const { id } = await registered();
    const request = await propose({ maxLifetimeSeconds: 200 });
    await registry.suspend(id, olga, 'keys were stolen');
    expect((await directory.changeRequest(request.id)).current).toBe(false);
    expect(await codeOf(directory.approve(request.id, request.digest, piet))).toBe('directory_changed_meanwhile');
    expect(await registry.profileOf(issuer)).toMatchObject({ suspended: true });
  });

  it('suspended and approved at the same moment: the second sees the first', async () => {
    const { id } = await registered();
    const elsewhere = await node();
    for (let round = 0; round < 5; round++) {
      const request = await propose({ maxLifetimeSeconds: 200 + round });
      await Promise.allSettled([
        directory.approve(request.id, request.digest, piet),
        elsewhere.registry.suspend(id, olga, 'keys were stolen'),
      ]);
      const newest = (await node()).registry;
      expect(await newest.profileOf(issuer)).toMatchObject({ suspended: true });
    }
  });
});

describe('a process dies after the record', () => {
  const hour = 3_600_000;
  const died = expect.objectContaining({ message: 'the process died' });
  const another = { institutions: [{ lei: leiOf('529900NEXT'), name: 'Next', country: 'DE' }] };

  it.each(['directory.change-approved', 'partner.profile-registered'] as const)(
    'of %s: the profile that two people approved comes into force, once',
    async (type) => {
      const { id, digest } = await propose();
      const dying = await node(dyingAfter(type), hour);
      await expect(dying.directory.approve(id, digest, piet)).rejects.toEqual(died);
      expect(await (await node(log, hour)).directory.apply(another, { id: 'person:olga' })).toMatchObject({
        version: 2,
      });
      expect(await (await node(log, hour)).registry.profileOf(issuer)).toMatchObject({ version: 1 });
      expect(log.ofType('partner.profile-registered')).toMatchObject([
        { subject: { id: piet.id }, data: { change_request: id, proposed_by: olga.id } },
      ]);
      expect(log.ofType('directory.change-rejected')).toEqual([]);
      expect(await directory.changeRequests()).toMatchObject([{ id, status: 'approved', decidedBy: piet.id }]);
    },
  );

  it('of an approval: a suspension in between is kept, and the approval ends on record', async () => {
    const { id: profileId } = await registered();
    const { id, digest } = await propose({ maxLifetimeSeconds: 200 });
    const dying = await node(dyingAfter('directory.change-approved'), hour);
    const quiet = await node(log, hour);
    await directory.stop();
    await expect(dying.directory.approve(id, digest, piet)).rejects.toEqual(died);
    await quiet.registry.suspend(profileId, olga, 'keys were stolen');
    await quiet.directory.apply(another, { id: 'person:olga' });
    expect(await quiet.registry.profileOf(issuer)).toMatchObject({ version: 2, suspended: true });
    expect(log.ofType('directory.change-rejected')).toMatchObject([
      { outcome: 'deny', reason: 'profile_changed_meanwhile', data: { change_request: id } },
    ]);
    expect(await codeOf(quiet.directory.approve(id, digest, piet))).toBe('change_decided');
  });

  it('of a suspension: the partner is suspended, and a repetition is not recorded', async () => {
    const { id } = await registered();
    const dying = await node(dyingAfter('partner.profile-registered'), hour);
    await expect(dying.registry.suspend(id, olga, 'keys were stolen')).rejects.toEqual(died);
    expect(await (await node()).registry.profileOf(issuer)).toMatchObject({ version: 2, suspended: true });
    const again = await node(dyingAfter('partner.profile-registered'), hour);
    await expect(again.registry.suspend(id, olga, 'once more')).rejects.toEqual(died);
    expect((await registry.suspend(id, olga, 'once more')).version).toBe(4);
    expect(log.ofType('partner.profile-registered')).toHaveLength(4);
  });
});

describe('a second person for a partner', () => {
  it('is not the first, through any software, nor anybody through whom the first proposed', async () => {
    const { id, digest } = await propose();
    for (const by of [olga, { ...olga, through: ['service:approver'] }, { ...piet, through: ['service:cli'] }])
      expect(await codeOf(directory.approve(id, digest, by))).toBe('change_self_approval');
    expect(log.ofType('access.refused').map(({ reason }) => reason)).toEqual(Array(3).fill('change_self_approval'));
    expect(await registry.profileOf(issuer)).toBeUndefined();
  });

  it('is nobody whom the first invited to enrol', async () => {
    const { id, digest } = await propose();
    independence = async () => false;
    expect(await codeOf(directory.approve(id, digest, piet))).toBe('change_not_independent');
    expect(await registry.profileOf(issuer)).toBeUndefined();
  });

  it('cannot approve a proposal of somebody who may no longer propose it', async () => {
    const { id, digest } = await propose();
    const asked: string[] = [];
    standing = async ({ scope }) => {
      asked.push(scope);
      return 'right-lost';
    };
    expect(await codeOf(directory.approve(id, digest, piet))).toBe('directory_changed_meanwhile');
    expect(asked).toEqual(['partner:register']);
  });

  it('approves exactly what the digest names, within a day', async () => {
    const [one, two] = [await propose(), await propose({ maxLifetimeSeconds: 300 })];
    expect(await codeOf(directory.approve(one.id, two.digest, piet))).toBe('directory_changed_meanwhile');
    await directory.approve(one.id, one.digest, piet);
    // The profile that it was to replace is gone.
    expect(await codeOf(directory.approve(two.id, two.digest, piet))).toBe('directory_changed_meanwhile');
    const late = await propose({ maxLifetimeSeconds: 300 });
    clock.advance(24 * 3_600_000);
    expect(await codeOf(directory.approve(late.id, late.digest, piet))).toBe('change_decided');
    expect(await registry.profileOf(issuer)).toMatchObject({ version: 1 });
  });

  it('approves a profile once, on however many nodes', async () => {
    const elsewhere = await node();
    const { id, digest } = await propose();
    const outcomes = await Promise.all(
      [directory, elsewhere.directory, directory, elsewhere.directory].map((each) =>
        codeOf(each.approve(id, digest, piet)),
      ),
    );
    expect(outcomes.toSorted()).toEqual(['change_decided', 'change_decided', 'change_decided', 'done']);
    expect(log.ofType('partner.profile-registered')).toHaveLength(1);
  });

  it('never sees an impossible proposal: another institution, an institution without an LEI, an invisible reason', async () => {
    await registered();
    expect(await codeOf(registry.register(profile({ institution: other }), olga, 'why not'))).toBe('issuer_taken');
    const unknown = {
      issuer: 'https://idp.x.example',
      jwksUri: 'https://idp.x.example/jwks',
      institution: leiOf('529900X'),
    };
    expect(await codeOf(registry.register(profile(unknown), olga, 'why not'))).toBe('partner_institution_unknown');
    for (const reason of ['', ' ', 'a\u200bb', 'a\nb', 'x'.repeat(401)])
      expect(await codeOf(registry.register(profile({ maxLifetimeSeconds: 60 }), olga, reason))).toBe(
        'profile_invalid',
      );
    expect(await registry.profileOf(issuer)).toMatchObject({ version: 1 });
  });

  it('cannot be forged with the database role of the directory or of the trust registry', async () => {
    const { id, digest } = await propose();
    const thief = database.pool('directory');
    await thief.query(`update change_requests set proposed_by = 'person:nobody', through = '{}'`);
    expect(await codeOf(directory.approve(id, digest, olga))).toBe('authority_unproven');
    await database
      .pool('trust-registry')
      .query(`insert into issuers values ($1, 'prf_01k9z3m8q4d6s0v2x5y7a9b1c3', $2)`, [issuer, broker]);
    await database
      .pool('trust-registry')
      .query(`insert into profile_versions values ('prf_01k9z3m8q4d6s0v2x5y7a9b1c3', 1, $1, 'rec_1', now())`, [
        JSON.stringify(profile()),
      ]);
    expect(await (await node()).registry.profileOf(issuer)).toBeUndefined();
  });
});
