import {
  type Actor,
  type DepartureEffect,
  type Lease,
  type LeaseEnding,
  openDecision,
  type Requester,
  recordedRequester,
  secretsErrors,
  standingErrors,
} from '@countersign/contracts';
import { backOffMs, derivedId, digestOf, newId, parseInstant, sha256 } from '@countersign/kernel';
import { createRounds } from '@countersign/runtime';
import type { Definition } from '../definitions.ts';
import type { SecretsDependencies, TokenHolder } from '../dependencies.ts';
import { decided, type Judge, recordingRefusals, unknownSecret } from '../judge.ts';
import {
  type LeaseState,
  leaseId,
  leaseOfUsername,
  parseLeaseId,
  type StoredLease,
  shown,
  slotOf,
  usernamePrefix,
} from '../lease-state.ts';
import { definitionKey, type Ledger } from '../ledger/index.ts';
import {
  countByStatus,
  countDeparted,
  expiredSlots,
  keepApplied,
  type LeaseTarget,
  listLeases,
  postponeRemoval,
  slotsToExamine,
  storedRows,
  takeRemovals,
  unappliedSlots,
  unendedSlots,
} from '../store/index.ts';
import { createEndedAuthority } from './ended-authority.ts';
import { activeLeases, createLeaseCommands, leaseOver, leaseThing, unknownLease } from './lease-commands.ts';
import { leasePassword, scramVerifier } from './scram.ts';

/** A lease with its credential. */
export interface ReleasedLease extends Lease {
  readonly password: string;
  readonly place: LeaseTarget['place'];
}

export interface Leases {
  /**
   * Leases a credential, or releases the current one again: a holder has one for each role.
   * @throws CodedError `secret_unknown`, `secret_not_permitted`, `lease_quota_exceeded`, `lease_target_unavailable` and
   * others
   */
  issue(role: string, by: TokenHolder): Promise<ReleasedLease>;
  /**
   * Extends a lease, with another token of the same holder.
   * @throws CodedError `lease_unknown`, `lease_over` and others
   */
  renew(id: string, by: TokenHolder): Promise<Lease>;
  /**
   * Ends a lease: its holder returns it, or an authorised person revokes it. Idempotent.
   * @throws CodedError `lease_unknown`
   */
  end(id: string, by: Requester, mayEnd: (lease: Lease) => LeaseEnding | undefined): Promise<Lease>;
  /** Newest first, at most 100. */
  list(filter: {
    readonly holder?: string;
    readonly institution?: string;
    readonly role?: string;
    readonly status?: string;
  }): Promise<readonly Lease[]>;
  /** Ends the leases of a role that was removed or whose holders changed. */
  endOfRole(role: string): Promise<void>;
  readonly departureEffect: DepartureEffect;
  /** Reads ended authority, ends what is due and removes credentials. Also runs periodically. */
  lookAtDue(): Promise<void>;
  /** Compares the databases with the leases, and removes credentials without a lease. Also runs periodically. */
  sweep(): Promise<void>;
  stop(): Promise<void>;
}

const mostListed = 100;
const pageSize = 500;
const shutOutAtOnce = 100;
/** Attempts after which a removal is reported as failed. It is still retried. */
const attemptsUntilAlarm = 6;
const sweepEveryMs = 300_000;
const settleEveryMs = 30_000;
const { error } = secretsErrors;

export function createLeases(
  dependencies: SecretsDependencies & {
    readonly ledger: Ledger;
    readonly judge: Judge;
    readonly installation: Actor;
  },
): Leases {
  const { pool, audit, clock, random, logger, metrics, targets, passwordKey, issuer, ledger, judge, installation } =
    dependencies;
  const { notices, operator } = dependencies;
  const commands = createLeaseCommands(dependencies);
  const { things } = commands;
  const authority = createEndedAuthority(dependencies);
  const prefix = usernamePrefix(issuer);
  const usernameOf = (slot: string, generation: number): string => `${prefix}${slot}_${generation}`;
  let counted: ReadonlyMap<string, number> = new Map();
  for (const status of ['active', 'ending', 'irrevocable'])
    metrics?.gauge(`countersign_leases_${status}`, `Leases that are ${status}`, () => counted.get(status) ?? 0);

  function targetOf(database: string): LeaseTarget {
    const target = targets.get(database);
    if (target === undefined)
      throw error('lease_target_unavailable', `The database ${database} is not configured in this process.`);
    return target;
  }

  const passwordOf = ({ slot, generation, username }: LeaseState): string =>
    leasePassword(passwordKey, leaseId({ slot, generation }), username);

  /** Creates the credential of a lease. The lock of the lease is held, so nothing can end it meanwhile. */
  async function apply({ slot, generation }: LeaseState): Promise<{ readonly password: string }> {
    const { definitions } = await ledger.current();
    return things.locked(slot, async (row, session) => {
      const isCurrent = row?.generation === generation && row.status === 'active' && clock.now() < row.expiresAt;
      if (row === undefined || !isCurrent) throw leaseOver();
      const role = definitions.get(definitionKey('role', row.role))?.role;
      if (role === undefined) throw leaseOver();
      const password = passwordOf(row);
      await targetOf(row.database).ensure({
        username: row.username,
        verifier: await scramVerifier(password, random.bytes(16)),
        memberOf: role.memberOf,
        connections: role.connections,
        validUntil: row.expiresAt,
      });
      await keepApplied(session, slot, row.expiresAt);
      return { password };
    });
  }

  /** Removes the credential of a lease that has ended. @throws CodedError `lease_target_unavailable` */
  const clear = ({ slot, generation }: Pick<LeaseState, 'slot' | 'generation'>) =>
    commands.clear({ slot, generation, remove: (lease) => targetOf(lease.database).remove(lease.username) });

  async function endNow(lease: StoredLease, ending: LeaseEnding, by: Requester): Promise<StoredLease> {
    const ended = await commands.end({ ...lease, ending, by });
    try {
      return (await clear(lease)) ?? ended;
    } catch (failure) {
      // The next round retries it.
      logger.warn({ error: failure, lease: leaseId(lease) }, 'the credential of an ended lease could not be removed');
      return ended;
    }
  }

  /**
   * Ends the use of the credentials of ended leases, many at once, before they are removed one by one. What fails here is done by
   * the removal.
   */
  async function shutOut(leases: readonly StoredLease[]): Promise<void> {
    const usernames = new Map<string, string[]>();
    for (const { database, username } of leases) {
      const known = usernames.get(database);
      if (known === undefined) usernames.set(database, [username]);
      else known.push(username);
    }
    for (const [database, all] of usernames)
      for (let start = 0; start < all.length; start += shutOutAtOnce)
        try {
          await targetOf(database).shutOut(all.slice(start, start + shutOutAtOnce));
        } catch (failure) {
          logger.warn({ error: failure, database }, 'credentials of ended leases could not be shut out at once');
          break;
        }
  }

  /** The lease must not outlive its authority: a revocation may have been recorded during issuance. */
  async function requireLasting(lease: StoredLease): Promise<void> {
    for (const key of await authority.readOn()) unexamined.add(key);
    const ending = authority.endingOf(lease.claims);
    if (ending === undefined) return;
    await endNow(lease, ending, installation);
    throw leaseOver();
  }

  /**
   * A lease, before it is ended or compared with its credential. An altered row is reported and rewritten from its
   * record; a row without a record is reported and ignored. So an altered row cannot prevent the end of any lease.
   */
  async function provenLease(slot: string): Promise<StoredLease | undefined> {
    try {
      return await things.find(slot);
    } catch (failure) {
      if (!standingErrors.is(failure, 'authority_unproven')) throw failure;
      logger.error({ error: failure, slot }, 'the row of a lease differs from its record');
      return (await things.restore(slot)) ? things.find(slot) : undefined;
    }
  }

  /** Ends active leases that a condition finds, in pages. @returns how many */
  async function endFound(
    by: Parameters<typeof slotsToExamine>[1],
    shouldEnd: (lease: StoredLease) => LeaseEnding | undefined,
    ender: Requester,
  ): Promise<number> {
    let ended = 0;
    let after = '';
    for (;;) {
      const slots = await slotsToExamine(pool, by, after, pageSize);
      const over: StoredLease[] = [];
      await inParallel(slots, async (slot) => {
        const lease = await provenLease(slot);
        const ending = lease?.status === 'active' ? shouldEnd(lease) : undefined;
        if (lease === undefined || ending === undefined) return;
        over.push(await commands.end({ ...lease, ending, by: ender }));
      }).finally(() => shutOut(over));
      ended += over.length;
      const last = slots.at(-1);
      if (last === undefined || slots.length < pageSize) return ended;
      after = last;
    }
  }

  /** Revocation keys that were read and whose leases have not been examined. */
  let unexamined = new Set<string>();
  /** Ends the leases whose token, holder, client, institution or mandate was revoked. */
  async function readEnded(): Promise<void> {
    for (const key of await authority.readOn()) unexamined.add(key);
    if (unexamined.size === 0) return;
    const keys = [...unexamined];
    unexamined = new Set();
    try {
      await endFound({ keys }, ({ claims }) => authority.endingOf(claims), installation);
    } catch (failure) {
      for (const key of keys) unexamined.add(key);
      throw failure;
    }
  }

  async function endExpired(): Promise<void> {
    for (;;) {
      const slots = await expiredSlots(pool, clock.now(), pageSize);
      const over: StoredLease[] = [];
      await inParallel(slots, async (slot) => {
        const lease = await provenLease(slot);
        if (lease?.status !== 'active' || clock.now() < lease.expiresAt) return;
        over.push(await commands.end({ ...lease, ending: 'expired', by: installation }));
      }).finally(() => shutOut(over));
      if (slots.length < pageSize || over.length === 0) return;
    }
  }

  async function removeEnded(): Promise<void> {
    const now = clock.now();
    const taken = await takeRemovals(pool, { now, nextAt: now + 60_000, limit: pageSize });
    await inParallel(taken, async ({ slot, attempts }) => {
      const lease = await provenLease(slot);
      if (lease?.status !== 'ending' && lease?.status !== 'irrevocable') return;
      try {
        await clear(lease);
      } catch (failure) {
        await postponeRemoval(
          pool,
          slot,
          clock.now() + backOffMs(attempts, { firstMs: 1_000, longestMs: 300_000 }, random),
        );
        if (attempts < attemptsUntilAlarm) return;
        if (await commands.giveUp(lease))
          logger.error(
            { error: failure, lease: leaseId(lease), database: lease.database },
            'the credential of an ended lease cannot be removed: remove it by hand, or make the database reachable',
          );
        await notifyOf(lease);
      }
    });
  }

  /** Once for each lease: a repeated notice has the same id. The next attempt to remove the credential repeats a failed one. */
  async function notifyOf(lease: StoredLease): Promise<void> {
    const id = leaseId(lease);
    const about = sha256(JSON.stringify(['lease-irrevocable', id])).subarray(0, 10);
    await notices
      .notify({
        id: derivedId('notice', lease.issuedAt, about),
        to: { role: 'operator', institution: operator },
        kind: 'lease-irrevocable',
        text:
          `The credential ${lease.username} of the ended lease ${id} cannot be removed from the database ${lease.database}. ` +
          'Make the database reachable, or drop the role there. Until then it may be usable, and its holder gets no new one.',
        facts: { lease: id, database: lease.database, holder: lease.holder, username: lease.username },
      })
      .catch((error: unknown) =>
        logger.warn({ error, lease: id }, 'nobody could be notified of a credential that cannot be removed'),
      );
  }

  /**
   * A process may have died between the record of a lease and the database, or before the database had the new expiry.
   */
  async function applyUnapplied(): Promise<void> {
    const slots = await unappliedSlots(pool, clock.now() - 10_000, pageSize);
    await inParallel(slots, async (slot) => {
      const lease = await provenLease(slot);
      if (lease?.status !== 'active') return;
      await apply(lease).catch((failure: unknown) =>
        logger.warn(
          { error: failure, lease: leaseId(lease) },
          'the credential of a lease could not be created or updated',
        ),
      );
    });
  }

  /**
   * Rewrites rows that are behind their records, altered or missing: a process may have died in between, and an ending
   * must take effect even if it is not requested again. The log lists the active leases, many for each query.
   */
  async function settleAll(): Promise<void> {
    let next: string | undefined;
    do {
      const page = await audit.standingsUnder(activeLeases, { after: next, limit: 1_000 });
      await settleBehind(page.things.map(({ of }) => of.slice(of.lastIndexOf('/') + 1)));
      next = page.next;
    } while (next !== undefined);
    for (let after: string | undefined = ''; after !== undefined; ) {
      const slots: readonly string[] = await unendedSlots(pool, after, 1_000);
      await settleBehind(slots);
      after = slots.length < 1_000 ? undefined : slots.at(-1);
    }
  }
  async function settleBehind(slots: readonly string[]): Promise<void> {
    const newest = await audit.standings(slots.map(leaseThing));
    const rows = await storedRows(pool, slots);
    const isSound = (slot: string): boolean => {
      const [recorded, row] = [newest.get(leaseThing(slot)), rows.get(slot)];
      return row !== undefined && recorded?.record === row.record && recorded.digest === digestOf(row.state);
    };
    await inParallel(
      slots.filter((slot) => !isSound(slot)),
      async (slot) => void (await provenLease(slot)),
    );
  }

  let settledAt = Number.NEGATIVE_INFINITY;

  const rounds = createRounds({
    what: 'leases',
    async work() {
      if (clock.now() - settledAt >= settleEveryMs) {
        await settleAll();
        settledAt = clock.now();
      }
      const parts = [readEnded, endExpired, removeEnded, applyUnapplied];
      const failures: unknown[] = [];
      for (const part of parts) await part().catch((failure: unknown) => failures.push(failure));
      if (failures.length > 0) throw failures[0];
      if (metrics !== undefined) counted = await countByStatus(pool);
    },
    logger,
    everyMs: dependencies.everyMs ?? 1_000,
  });

  const sweeps = createRounds({
    what: 'credentials without a lease',
    async work() {
      for (const [database, target] of targets)
        for (const username of await target.leased(prefix))
          await sweepOne(database, target, username).catch((failure: unknown) =>
            logger.error({ error: failure, database, username }, 'a credential without a lease could not be removed'),
          );
    },
    logger,
    everyMs: dependencies.everyMs === undefined ? sweepEveryMs : dependencies.everyMs * 300,
  });

  async function sweepOne(database: string, target: LeaseTarget, username: string): Promise<void> {
    const named = leaseOfUsername(prefix, username);
    const isAccounted = (row: StoredLease | undefined): boolean =>
      row !== undefined && named?.generation === row.generation && row.database === database && row.status !== 'ended';
    if (named !== undefined && isAccounted(await provenLease(named.slot))) return;
    // Read again under the lock: the lease may have been issued just now.
    const isOrphan = named === undefined || (await things.locked(named.slot, (row) => !isAccounted(row)));
    if (!isOrphan) return;
    await audit.append({
      id: newId('record', { clock, random }),
      source: 'secrets',
      type: 'lease.swept',
      outcome: 'deny',
      reason: 'lease_unknown',
      ...recordedRequester(installation),
      data: { database, username },
    });
    await target.remove(username);
    logger.error({ database, username }, 'a database had a credential without a lease; it was removed');
  }

  async function load(id: string): Promise<StoredLease> {
    const named = parseLeaseId(id);
    const lease = named === undefined ? undefined : await things.find(named.slot);
    if (named === undefined || lease === undefined || lease.generation < named.generation) throw unknownLease();
    if (lease.generation > named.generation) throw leaseOver();
    return lease;
  }

  /** Ends and removes the previous lease of a slot, if it has expired. */
  async function settlePredecessor(slot: string): Promise<void> {
    const lease = await things.find(slot);
    if (lease === undefined || lease.status === 'ended') return;
    if (lease.status === 'active') {
      if (clock.now() < lease.expiresAt) return;
      await endNow(lease, 'expired', installation);
      return;
    }
    await clear(lease).catch(() => undefined);
  }

  function roleOf({ role }: Definition) {
    if (role === undefined) throw unknownSecret();
    return role;
  }

  return {
    issue: (name, by) =>
      recordingRefusals(
        dependencies,
        by,
        { type: 'lease.denied', data: { operation: 'issue', about: name } },
        async () => {
          const { definition, decision } = await judge.permit('role', name, by);
          const role = roleOf(definition);
          targetOf(role.database);
          const slot = slotOf(by.id, by.through ?? [], name);
          await settlePredecessor(slot);
          const username = (generation: number) => usernameOf(slot, generation);
          const issued = await commands.issue({ slot, role: name, definition: role, username, by, decision });
          const { lease } = issued;
          await requireLasting(lease);
          if (!issued.isNew)
            await audit.append({
              id: newId('record', { clock, random }),
              source: 'secrets',
              type: 'lease.released',
              outcome: 'permit',
              ...recordedRequester(by),
              client: by.client,
              ...decided(decision, by),
              data: {
                lease: leaseId(lease),
                role: lease.role,
                holder: lease.holder,
                token: by.token.jti,
                decision: openDecision(decision),
              },
            });
          const { password } = await apply(lease);
          return { ...shown(lease), password, place: targetOf(role.database).place };
        },
      ),
    renew: (id, by) =>
      recordingRefusals(
        dependencies,
        by,
        { type: 'lease.denied', data: { operation: 'renew', about: id } },
        async () => {
          const lease = await load(id);
          if (lease.slot !== slotOf(by.id, by.through ?? [], lease.role)) throw unknownLease();
          const { definition, decision } = await judge.permit('role', lease.role, by);
          const role = roleOf(definition);
          const renewed = await commands.renew({ ...lease, definition: role, by, decision });
          await requireLasting(renewed);
          await apply(renewed);
          return shown(renewed);
        },
      ),
    async end(id, by, mayEnd) {
      const named = parseLeaseId(id);
      if (named !== undefined) await provenLease(named.slot);
      const lease = await load(id);
      const ending = mayEnd(shown(lease));
      if (ending === undefined) throw unknownLease();
      return shown(await endNow(lease, ending, by));
    },
    async list({ holder, institution, role, status }) {
      const found = await listLeases(pool, { holder, institution, role, status, limit: mostListed });
      const proven: StoredLease[] = [];
      for (const one of found) if (await things.counts(one.slot, one)) proven.push(one);
      return proven.map(shown);
    },
    async endOfRole(role) {
      const { definitions } = await ledger.current();
      const definition = definitions.get(definitionKey('role', role));
      await endFound(
        { roles: [role] },
        (lease) => {
          const stays =
            definition?.holders.includes(lease.holder) === true && definition.role?.database === lease.database;
          return stays ? undefined : 'role-removed';
        },
        installation,
      );
      await removeEnded();
    },
    departureEffect: {
      name: 'leases',
      async end({ principal, kind, at, by }) {
        // People who move keep what the policies still permit; a revoked token ends its lease anyway.
        if (kind !== 'leave') return { ended: 0 };
        const before = parseInstant(at) ?? 0;
        await endFound({ people: [principal] }, ({ issuedAt }) => (issuedAt <= before ? 'departed' : undefined), by);
        await removeEnded();
        // The reader of the log may have ended them before.
        return { ended: await countDeparted(pool, principal, before) };
      },
    },
    lookAtDue: async () => void (await rounds.run()),
    sweep: async () => void (await sweeps.run()),
    async stop() {
      await rounds.stop();
      await sweeps.stop();
    },
  };
}

/**
 * A few at a time, because each holds a connection while it waits for the leased database. One failure does not stop
 * the others.
 */
async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift())
      await work(item).catch((failure: unknown) => failures.push(failure));
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  if (failures.length > 0) throw failures[0];
}
