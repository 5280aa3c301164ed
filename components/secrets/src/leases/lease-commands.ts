import { type Command, createCommands, createRecordedThings } from '@countersign/commands';
import {
  type Actor,
  createStandingCheck,
  type Decision,
  ended,
  type LeasedRole,
  type LeaseEnding,
  openDecision,
  type Requester,
  recordedRequester,
  secretsErrors,
  standing,
} from '@countersign/contracts';
import { digestOf, toInstant } from '@countersign/kernel';
import { takeNamedLock } from '@countersign/runtime';
import type { SecretsDependencies, TokenHolder } from '../dependencies.ts';
import { decided } from '../judge.ts';
import { claimsOf, type LeaseState, leaseId, type StoredLease } from '../lease-state.ts';
import { countLeases, leasesAsRows } from '../store/index.ts';

interface Issuing {
  readonly slot: string;
  readonly role: string;
  readonly definition: LeasedRole;
  readonly username: (generation: number) => string;
  readonly by: TokenHolder;
  readonly decision: Decision;
}
interface Renewing {
  readonly slot: string;
  readonly generation: number;
  readonly definition: LeasedRole;
  readonly by: TokenHolder;
  readonly decision: Decision;
}
interface Ending {
  readonly slot: string;
  readonly generation: number;
  readonly ending: LeaseEnding;
  readonly by: Requester;
}
interface Clearing {
  readonly slot: string;
  readonly generation: number;
  /** Removes the credential; runs under the lock of the lease. */
  readonly remove: (lease: LeaseState) => Promise<{ readonly sessions: number }>;
}

/** A lease, and whether this call created it. */
export interface Issued {
  readonly lease: StoredLease;
  readonly isNew: boolean;
}

const { error } = secretsErrors;
const source = 'secrets';
/** More leases than all nodes can be issuing at one moment. */
const mostAtOnce = 256;
const nothing = async (): Promise<void> => undefined;

/** Log entry of a lease. */
export const leaseThing = (slot: string): string => `lease:${slot}`;
/** Prefix of log entries: active leases, by holder and slot. */
export const activeLeases = 'lease-of:';
const holderLeases = (holder: string): string => `${activeLeases}${holder}/`;

export const unknownLease = () => error('lease_unknown', 'There is no such lease that you may use.');
export const leaseOver = () => error('lease_over', 'This lease has ended. Ask for a new one.');

/** When a lease ends that is issued or renewed now. */
function endOf(
  { ttlSeconds, endsWith }: LeasedRole,
  { token }: TokenHolder,
  { now, atMost }: { readonly now: number; readonly atMost: number },
): number {
  const byTime = Math.min(now + ttlSeconds * 1_000, atMost);
  return endsWith === 'token' ? Math.min(byTime, token.exp * 1_000) : byTime;
}

export type LeaseCommands = ReturnType<typeof createLeaseCommands>;

export function createLeaseCommands(
  dependencies: Pick<
    SecretsDependencies,
    'pool' | 'audit' | 'clock' | 'random' | 'leasesPerHolder' | 'leasesPerRole'
  > & { readonly installation: Actor },
) {
  const { pool, audit, clock, random, leasesPerHolder = 20, leasesPerRole = 1_000, installation } = dependencies;
  const kind = leasesAsRows;
  const check = createStandingCheck({ log: audit, source, clock, random });
  const recording = { pool, log: audit, check, source, clock } as const;
  const things = createRecordedThings(kind, recording);
  const commands = createCommands(recording);

  const about = (state: LeaseState) => ({ lease: leaseId(state), role: state.role, holder: state.holder });
  const ofHolder = ({ holder, slot }: LeaseState) => `${holderLeases(holder)}${slot}`;
  const isActive = (row: StoredLease, now: number): boolean => row.status === 'active' && now < row.expiresAt;

  const issue: Command<Issuing, string, LeaseState, StoredLease, undefined, Issued> = {
    kind,
    about: ({ slot }) => slot,
    async facts(session, { ask: { by, role }, row, now }) {
      if (row !== undefined && isActive(row, now)) return undefined;
      // The locks have few names, because each name keeps a row permanently.
      await takeNamedLock(session, `leases of a holder ${digestOf(by.id).charAt(0)}`);
      let counted = await countLeases(session, { holder: by.id, role });
      // Well below the limit of a role, its holders do not wait for each other.
      if (counted.ofRole + mostAtOnce >= leasesPerRole) {
        await takeNamedLock(session, `leases of a role ${digestOf(role).charAt(0)}`);
        counted = await countLeases(session, { holder: by.id, role });
      }
      const { ofHolder: held, ofRole } = counted;
      if (held >= leasesPerHolder)
        throw error(
          'lease_quota_exceeded',
          `A holder may have at most ${leasesPerHolder} leases. End one that is not needed.`,
        );
      if (ofRole >= leasesPerRole)
        throw error('lease_quota_exceeded', `The role ${role} may have at most ${leasesPerRole} leases at a time.`);
      return undefined;
    },
    done: ({ row, now }) => (row !== undefined && isActive(row, now) ? { lease: row, isNew: false } : undefined),
    async check({ row }) {
      if (row !== undefined && row.status !== 'ended')
        throw error(
          'lease_predecessor_stands',
          'The previous credential of this holder and role is still in the database. Try again when it has been removed.',
        );
    },
    next({ ask: { slot, role, definition, username, by }, row, now }) {
      const generation = (row?.generation ?? 0) + 1;
      const maxExpiresAt = now + definition.maxTtlSeconds * 1_000;
      return {
        ...{ slot, generation, role, maxExpiresAt },
        database: definition.database,
        username: username(generation),
        holder: by.id,
        through: by.through ?? [],
        institution: by.institution,
        client: by.client,
        claims: claimsOf(by.token),
        issuedAt: now,
        expiresAt: endOf(definition, by, { now, atMost: maxExpiresAt }),
        status: 'active',
        ending: undefined,
      };
    },
    before: nothing,
    record: ({ ask: { by, decision } }, next) => ({
      type: 'lease.issued',
      outcome: 'permit',
      ...recordedRequester(by),
      client: by.client,
      ...decided(decision, by),
      standing: [standing(ofHolder(next), { lease: leaseId(next) })],
      data: {
        ...about(next),
        username: next.username,
        token: by.token.jti,
        expires_at: toInstant(next.expiresAt),
        decision: openDecision(decision),
      },
    }),
    ends: () => false,
    refused: () => undefined,
    after: nothing,
    release: (next, { record }) => ({ lease: { ...next, change: record }, isNew: true }),
  };

  const renew: Command<Renewing, string, LeaseState, StoredLease, StoredLease, StoredLease> = {
    kind,
    about: ({ slot }) => slot,
    async facts(_session, { ask: { generation }, row }) {
      if (row === undefined || row.generation < generation) throw unknownLease();
      return row;
    },
    done: () => undefined,
    async check({ ask: { generation }, facts, now }) {
      if (facts.generation !== generation || !isActive(facts, now)) throw leaseOver();
    },
    next: ({ ask: { definition, by }, facts, now }) => ({
      ...facts,
      claims: claimsOf(by.token),
      // A renewal never shortens a lease, except for roles whose leases end with their token.
      expiresAt: endOf(definition, by, { now, atMost: facts.maxExpiresAt }),
    }),
    before: nothing,
    record: ({ ask: { by, decision } }, next) => ({
      type: 'lease.renewed',
      outcome: 'permit',
      ...recordedRequester(by),
      client: by.client,
      ...decided(decision, by),
      standing: [standing(ofHolder(next), { lease: leaseId(next) })],
      data: {
        ...about(next),
        token: by.token.jti,
        expires_at: toInstant(next.expiresAt),
        decision: openDecision(decision),
      },
    }),
    ends: () => false,
    refused: () => undefined,
    after: nothing,
    release: (next, { record }) => ({ ...next, change: record }),
  };

  const end: Command<Ending, string, LeaseState, StoredLease, StoredLease, StoredLease> = {
    kind,
    about: ({ slot }) => slot,
    async facts(_session, { ask: { generation }, row }) {
      if (row === undefined || row.generation < generation) throw unknownLease();
      return row;
    },
    done: ({ ask: { generation }, row }) =>
      row !== undefined && (row.generation > generation || row.status !== 'active') ? row : undefined,
    check: nothing,
    next: ({ ask: { ending }, facts }) => ({ ...facts, status: 'ending', ending }),
    before: nothing,
    record: ({ ask: { by, ending } }, next) => ({
      type: 'lease.ended',
      outcome: 'done',
      ...recordedRequester(by),
      standing: [ended(ofHolder(next))],
      data: { ...about(next), ending },
    }),
    ends: () => false,
    refused: () => undefined,
    after: nothing,
    release: (next, { record }) => ({ ...next, change: record }),
  };

  const isToBeCleared = (row: StoredLease | undefined, generation: number): row is StoredLease =>
    row?.generation === generation && (row.status === 'ending' || row.status === 'irrevocable');

  /** The database is asked first, because the record states that the credential is gone. */
  const clear: Command<
    Clearing,
    string,
    LeaseState,
    StoredLease,
    { readonly sessions: number },
    StoredLease | undefined
  > = {
    kind,
    about: ({ slot }) => slot,
    async facts(_session, { ask: { generation, remove }, row }) {
      return isToBeCleared(row, generation) ? remove(row) : { sessions: 0 };
    },
    done: ({ ask: { generation }, row }) => (isToBeCleared(row, generation) ? undefined : row),
    async check({ ask: { generation }, row }) {
      if (!isToBeCleared(row, generation)) throw unknownLease();
    },
    next({ ask: { generation }, row }) {
      if (!isToBeCleared(row, generation)) throw unknownLease();
      const { change: _change, ...state } = row;
      return { ...state, status: 'ended' };
    },
    before: nothing,
    record: ({ facts: { sessions } }, next) => ({
      type: 'lease.cleared',
      outcome: 'done',
      ...recordedRequester(installation),
      standing: [],
      data: { ...about(next), sessions },
    }),
    ends: () => false,
    refused: () => undefined,
    after: nothing,
    release: (next, { record }) => ({ ...next, change: record }),
  };

  const giveUp: Command<
    { readonly slot: string; readonly generation: number },
    string,
    LeaseState,
    StoredLease,
    undefined,
    boolean
  > = {
    kind,
    about: ({ slot }) => slot,
    facts: async () => undefined,
    done: ({ ask: { generation }, row }) =>
      row?.generation === generation && row.status === 'ending' ? undefined : false,
    check: nothing,
    next({ row }) {
      if (row === undefined) throw unknownLease();
      const { change: _change, ...state } = row;
      return { ...state, status: 'irrevocable' };
    },
    before: nothing,
    record: (_given, next) => ({
      type: 'lease.irrevocable',
      outcome: 'deny',
      reason: 'lease_target_unavailable',
      ...recordedRequester(installation),
      standing: [],
      data: { ...about(next), status: next.status },
    }),
    ends: () => false,
    refused: () => undefined,
    after: nothing,
    release: () => true,
  };

  return {
    things,
    issue: (issuing: Issuing) => commands.run(issue, issuing),
    renew: (renewing: Renewing) => commands.run(renew, renewing),
    end: (ending: Ending) => commands.run(end, ending),
    clear: (clearing: Clearing) => commands.run(clear, clearing),
    /**
     * @returns whether this call has given up
     */
    giveUp: (lease: { readonly slot: string; readonly generation: number }) => commands.run(giveUp, lease),
  };
}
