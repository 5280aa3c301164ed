import { createLoggedCommands } from '@countersign/commands';
import {
  type Actor,
  type AuditLog,
  type GrantRegister,
  type Independence,
  isStandingRevocationKind,
  oauthErrors,
  type RecordReceipt,
  type Requester,
  type RevocationTarget,
  type RevokingParty,
  recordedRequester,
  revokingParties,
  type Signer,
  type StandingRevocation,
  type StandingRevocationTarget,
  standingRevocations,
} from '@countersign/contracts';
import {
  type Clock,
  defined,
  epochSeconds,
  isRecent,
  membersOf,
  newId,
  parseId,
  type Random,
  type RecordId,
} from '@countersign/kernel';
import {
  type RevocableClaims,
  type RevocationKind,
  revocationListHeader,
  signRevocationList,
} from '@countersign/oauth';
import type { Logger, RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import { type EntrySources, entryOf, revocationOf } from './entries-of-record.ts';
import { isKnownTarget, type TargetSources } from './known-target.ts';
import { createLiveEntries } from './live-entries.ts';
import { createRevocationCommands, grantsEndedBy, revocationSaying } from './revocation-commands.ts';
import { createTailStore } from './store.ts';
import { followLog } from './tail.ts';

/** A node that has not read the log for this long refuses requests. */
const stalenessBoundMs = 5_000;
const maxWaitMs = 25_000;

/** Known to every node within one poll of the log. */
export interface Revocations {
  /** From memory; undefined if the token is valid. @throws CodedError `temporarily_unavailable` without contact with the log */
  endedBy(claims: RevocableClaims): RevocationKind | undefined;
  /** Recorded first; known on this node when it resolves. The consents behind it end too. Idempotent. */
  revoke(target: RevocationTarget, by: Actor, reason: string): Promise<void>;
  /** Reads everything that was in the log before the call. */
  readOn(): Promise<void>;
  /** For enforcement points. Waits at most `waitMs` for a list newer than `after`. @throws CodedError `temporarily_unavailable` */
  list(after?: number, waitMs?: number): Promise<string>;
  stop(): Promise<void>;
}

/** Revocations that last until they are lifted. */
export interface AdministeredRevocations extends Revocations {
  /**
   * Also blocks new tokens for a mandate, client, principal or institution until it is lifted.
   *
   * @returns the id of its record, which is needed to lift it
   * @throws CodedError `revocation_target_unknown`, `revocation_locks_out`; refusals are recorded
   */
  revokeUntilLifted(target: RevocationTarget, by: Requester, right: RevokingRight, reason: string): Promise<RecordId>;
  /**
   * Permits new tokens again. What ended stays ended.
   *
   * @param by a principal that is independent of the revoking principal and its actors
   * @throws CodedError of `revocationErrors`; refusals are recorded
   */
  lift(
    revocation: RecordId,
    by: Requester,
    mayLift: (target: RevocationTarget, party: RevokingParty) => boolean,
    reason: string,
  ): Promise<RecordId>;
  /** Not yet lifted, by party, kind and id. @returns `next`: continue after it, if there may be more */
  standing(
    page: { readonly after?: string | undefined; readonly limit: number },
    mayKnow: (target: StandingRevocationTarget, party: RevokingParty) => boolean,
  ): Promise<{ readonly revocations: readonly PlacedRevocation[]; readonly next?: string }>;
}

export interface RevokingRight {
  readonly party: RevokingParty;
  readonly mayEnd: (target: RevocationTarget) => boolean;
}

/** As its record describes it. */
export interface PlacedRevocation extends StandingRevocation {
  /** Principal id. */
  readonly by: string;
  /** RFC 3339. */
  readonly at: string;
  readonly reason: string;
}

export interface RevocationsDependencies extends EntrySources {
  readonly consentStore: EntrySources['consentStore'] & TargetSources['consentStore'];
  readonly issuer: string;
  readonly pool: pg.Pool;
  readonly rowSeal: RowSeal;
  readonly log: Pick<AuditLog, 'append' | 'search' | 'find' | 'query' | 'standings' | 'standingsUnder'>;
  readonly grants: Pick<GrantRegister, 'find' | 'revoke' | 'revokeAll'>;
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly independence: Independence;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Default 200. */
  readonly pollMs?: number;
  /** Milliseconds on a monotonic clock. Default `performance.now`. */
  readonly elapsedMs?: () => number;
}

/** @throws CodedError `database_unavailable` when the log cannot be read */
export async function createRevocations(dependencies: RevocationsDependencies): Promise<AdministeredRevocations> {
  const { clock, random, log, grants, signer, issuer } = dependencies;
  const commands = createLoggedCommands({ ...dependencies, source: 'authorization-server' });
  const steps = createRevocationCommands(dependencies);
  const elapsedMs = dependencies.elapsedMs ?? (() => performance.now());
  const live = createLiveEntries(elapsedMs);
  let version = 0;
  let caughtUpAt = Number.NEGATIVE_INFINITY;
  let signed: { readonly version: number; readonly at: number; readonly list: Promise<string> } | undefined;
  const waiting = new Set<() => void>();

  const tail = await followLog({
    ...dependencies,
    store: createTailStore(dependencies.pool, dependencies.rowSeal),
    pollMs: dependencies.pollMs ?? 200,
    apply: live.apply,
    // The position in the log makes lists of several nodes comparable.
    onRead(index) {
      version = Math.max(version, Number(index) + 1);
    },
    elapsedMs,
    onCaughtUp(startedAt) {
      caughtUpAt = startedAt;
      live.forgetBefore(epochSeconds(clock.now()));
      for (const wake of waiting) wake();
    },
  });

  function requireTouch(): void {
    if (elapsedMs() - caughtUpAt > stalenessBoundMs)
      throw oauthErrors.error('temporarily_unavailable', 'The revocation list is not current. Try again shortly.', {
        facts: { reason: 'revocations_behind' },
      });
  }

  /** After the next reading of the log, or the timeout. */
  function nextReading(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      timer.unref();
      waiting.add(done);
    });
  }

  async function sign(): Promise<string> {
    const key = await signer.current('id-token');
    return signRevocationList(
      { version, entries: live.all() },
      { issuer, now: clock.now() },
      revocationListHeader(key),
      async (data) => (await signer.sign('id-token', key.kid, data)).signature,
    );
  }

  /** The deciding component has checked and recorded its decision. */
  const recordEnding = (target: RevocationTarget, by: Actor, reason: string): Promise<RecordReceipt> => {
    const id = newId('record', { clock, random });
    return log.append({ id, source: 'authorization-server', ...revocationSaying(target, by, reason) });
  };

  async function settle(target: RevocationTarget, by: Actor, reason: string, time: string): Promise<void> {
    live.apply(entryOf(target, epochSeconds(Date.parse(time))));
    await endConsents(target, by, reason);
    await tail.readOn();
  }

  /** Undefined if the caller may not lift it. */
  async function placed(revocation: RecordId, mayLift: Parameters<AdministeredRevocations['lift']>[2]) {
    const record = (await log.find(revocation))?.record;
    const found = record?.type === 'token.revoked' ? revocationOf(record.data) : undefined;
    if (record === undefined || found === undefined) return undefined;
    const party = revokingParties.find((each) => each === found.untilLifted);
    if (!mayLift(found.target, party ?? 'operator')) return undefined;
    const revokers = record.actors?.map(({ id }) => id) ?? [];
    return { target: found.target, party, revokers, at: Date.parse(record.time) };
  }

  async function endConsents(target: RevocationTarget, by: Actor, reason: string): Promise<void> {
    const id = target.kind === 'grant' ? parseId('grant', target.id) : undefined;
    if (id !== undefined) await grants.revoke(id, by, reason);
    const of = grantsEndedBy(target);
    if (of !== undefined) await grants.revokeAll(of, by, reason);
  }

  return {
    endedBy(claims) {
      requireTouch();
      return live.endedBy(claims);
    },
    async revoke(target, by, reason) {
      const { time } = await recordEnding(target, by, reason);
      await settle(target, by, reason, time);
    },
    async revokeUntilLifted(target, by, { party, mayEnd }, reason) {
      const isKnown = await isKnownTarget(target, dependencies);
      const step = isStandingRevocationKind(target.kind) ? steps.place : steps.endForGood;
      const id = await commands.run(step, { target, party, reason, by, isKnown, mayEnd: isKnown && mayEnd(target) });
      const recorded = await log.find(id);
      if (recorded === undefined) throw new Error(`the new record ${id} is not in the log`);
      await settle(target, recordedRequester(by).subject, reason, recorded.record.time);
      return id;
    },
    async lift(revocation, by, mayLift, reason) {
      return commands.run(steps.lift, { revocation, placed: await placed(revocation, mayLift), reason, by });
    },
    async standing(page, mayKnow) {
      const { revocations, next } = await standingRevocations(page, log);
      const known = revocations.filter(({ party, ...target }) => mayKnow(target, party));
      return {
        revocations: await Promise.all(
          known.map(async (each) => {
            const found = (await log.find(each.record))?.record;
            const { reason } = membersOf(found?.data) ?? {};
            return {
              ...each,
              by: found?.actors?.[0]?.id ?? '',
              at: found?.time ?? '',
              reason: typeof reason === 'string' ? reason : '',
            };
          }),
        ),
        ...defined({ next }),
      };
    },
    readOn: tail.readOn,
    async list(after, waitMs = 0) {
      const until = elapsedMs() + Math.min(waitMs, maxWaitMs);
      while (after !== undefined && version <= after && elapsedMs() < until) await nextReading(until - elapsedMs());
      requireTouch();
      // At most one signature a second.
      if (signed === undefined || signed.version !== version || !isRecent(signed.at, 1_000, clock.now()))
        signed = { version, at: clock.now(), list: sign() };
      return signed.list;
    },
    async stop() {
      await tail.stop();
      for (const wake of waiting) wake();
    },
  };
}
