import {
  type Actor,
  type AuditLog,
  type GrantRegister,
  oauthErrors,
  type RevocationTarget,
  type Signer,
} from '@countersign/contracts';
import { type Clock, epochSeconds, newId, parseId, type Random } from '@countersign/kernel';
import {
  type RevocableClaims,
  type RevocationKind,
  revocationKey,
  revocationListHeader,
  signRevocationList,
} from '@countersign/oauth';
import type { Logger } from '@countersign/runtime';
import type pg from 'pg';
import { type EntrySources, entryOf } from './entries-of-record.ts';
import { createLiveEntries } from './live-entries.ts';
import { createTailStore } from './store.ts';
import { followLog } from './tail.ts';

/** A node that has not read the log to its end for so long does not know what has ended, and says so. */
const stalenessBoundMs = 5_000;
/** Longest wait of a request for a newer list. */
const maxWaitMs = 25_000;

/** What has ended before its time, on every node within a poll of the log. */
export interface Revocations {
  /**
   * What ends a token with these claims; undefined while it stands. From memory.
   *
   * @throws CodedError `temporarily_unavailable` when this node has lost touch with the log
   */
  endedBy(claims: RevocableClaims): RevocationKind | undefined;
  /**
   * Ends what was issued: recorded first, known on this node when it resolves, on the others within their poll. The
   * consents behind it end too, so that no refresh token brings it back. Repeating it is harmless.
   */
  revoke(target: RevocationTarget, by: Actor, reason: string): Promise<void>;
  /** Everything that was in the log before the call is known here when it resolves. */
  readOn(): Promise<void>;
  /**
   * The signed list for enforcement points (`revocation-list+jwt`). Waits at most `waitMs` for one newer than `after`.
   *
   * @throws CodedError `temporarily_unavailable`
   */
  list(after?: number, waitMs?: number): Promise<string>;
  stop(): Promise<void>;
}

export interface RevocationsDependencies extends EntrySources {
  readonly issuer: string;
  readonly pool: pg.Pool;
  readonly log: Pick<AuditLog, 'append' | 'search'>;
  readonly grants: Pick<GrantRegister, 'revoke' | 'revokeAll'>;
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Default 200. */
  readonly pollMs?: number;
  /** Milliseconds that have passed since some moment, by a clock that nobody sets. Default `performance.now`. */
  readonly elapsedMs?: () => number;
}

/** @throws CodedError `database_unavailable` when the log cannot be read */
export async function createRevocations(dependencies: RevocationsDependencies): Promise<Revocations> {
  const { clock, random, log, grants, signer, issuer } = dependencies;
  const elapsedMs = dependencies.elapsedMs ?? (() => performance.now());
  const live = createLiveEntries();
  let version = 0;
  let caughtUpAt = Number.NEGATIVE_INFINITY;
  let signed: { readonly version: number; readonly at: number; readonly list: Promise<string> } | undefined;
  const waiting = new Set<() => void>();

  const tail = await followLog({
    ...dependencies,
    store: createTailStore(dependencies.pool),
    pollMs: dependencies.pollMs ?? 200,
    apply: live.apply,
    // By the place in the log and by nothing else: whoever reads lists of several nodes knows which of them is newer.
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
      throw oauthErrors.error('temporarily_unavailable', 'What has been revoked cannot be told at the moment.', {
        facts: { reason: 'revocations_behind' },
      });
  }

  /** Woken after each reading of the log, and at the end of the time. */
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

  async function endConsents(target: RevocationTarget, by: Actor, reason: string): Promise<void> {
    switch (target.kind) {
      case 'grant': {
        const id = parseId('grant', target.id);
        if (id !== undefined) await grants.revoke(id, by, reason);
        return;
      }
      case 'client':
        await grants.revokeAll({ client: target.id }, by, reason);
        return;
      case 'principal':
        await grants.revokeAll({ subject: target.id }, by, reason);
        return;
      case 'partner':
        await grants.revokeAll({ institution: target.id }, by, reason);
        return;
      case 'token':
      case 'mandate':
    }
  }

  return {
    endedBy(claims) {
      requireTouch();
      return live.endedBy(claims);
    },
    async revoke(target, by, reason) {
      const receipt = await log.append({
        id: newId('record', { clock, random }),
        type: 'token.revoked',
        source: 'authorization-server',
        outcome: 'done',
        actors: [by],
        data: { kind: target.kind, id: target.id, key: revocationKey(target), reason },
      });
      live.apply(entryOf(target, epochSeconds(Date.parse(receipt.time))));
      await endConsents(target, by, reason);
      await tail.readOn();
    },
    readOn: tail.readOn,
    async list(after, waitMs = 0) {
      const until = elapsedMs() + Math.min(waitMs, maxWaitMs);
      while (after !== undefined && version <= after && elapsedMs() < until) await nextReading(until - elapsedMs());
      requireTouch();
      // One signature a second at most, however many ask.
      if (signed === undefined || signed.version !== version || clock.now() - signed.at > 1_000)
        signed = { version, at: clock.now(), list: sign() };
      return signed.list;
    },
    async stop() {
      await tail.stop();
      for (const wake of waiting) wake();
    },
  };
}
