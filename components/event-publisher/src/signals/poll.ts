import { type AuditAppender, deliveryMethods, type Signer, sharedSignalErrors } from '@countersign/contracts';
import { type Clock, newId, type Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type { NewRecords } from '../new-records.ts';
import type { Fill } from './filling.ts';
import { type StreamThings, unprovenStream } from './recorded-stream.ts';
import { signSecurityEvent } from './security-event-token.ts';
import type { SignalReader } from './signal-reader.ts';
import type { SignalStore } from './store.ts';
import { parseStreamId, type Receiver, type SignalStream, streamChanged } from './stream.ts';

export interface PollDependencies {
  readonly store: SignalStore;
  readonly reader: SignalReader;
  readonly fill: Fill;
  readonly watch: NewRecords;
  readonly issuer: string;
  readonly audit: AuditAppender;
  readonly things: StreamThings;
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Whether the component is stopping. */
  readonly stopped: () => boolean;
  /** 20 seconds when left out. */
  readonly longPollMs?: number;
}

export interface PollRequest {
  readonly maxEvents?: number;
  readonly returnImmediately?: boolean;
  readonly ack?: readonly string[];
  readonly setErrs?: Readonly<Record<string, { readonly err: string; readonly description?: string }>>;
}

export interface PollAnswer {
  readonly sets: Readonly<Record<string, string>>;
  readonly moreAvailable?: true;
}

export type Poll = (id: string, request: PollRequest, by: Receiver, signal: AbortSignal) => Promise<PollAnswer>;

const maxTokens = 100;
/** Another node may have queued something. */
const lookAgainMs = 1_000;
/** Of one institution; further polls are answered at once. */
const maxWaitingPolls = 16;

/** The oldest unacknowledged tokens (RFC 8936). A token that the receiver cannot use is dropped and recorded. */
export function createPoll(dependencies: PollDependencies): Poll {
  const { store, reader, fill, watch, issuer, audit, things, signer, clock, random, logger, stopped } = dependencies;
  const { longPollMs = 20_000 } = dependencies;
  const waitingPolls = new Map<string, number>();

  async function settle(stream: SignalStream, { ack = [], setErrs = {} }: PollRequest, by: Receiver): Promise<void> {
    if (ack.length > 0) await store.acknowledge(stream.id, ack);
    const refused = Object.keys(setErrs);
    if (refused.length === 0) return;
    await store.inUnit(async (unit) => {
      const dropped = await unit.drop(stream.id, refused);
      if (dropped.length === 0) return;
      const sets = dropped.map((jti) => ({ jti, err: codeOf(setErrs[jti]?.err) }));
      await audit.append({
        id: newId('record', { clock, random }),
        source: 'event-publisher',
        ...streamChanged('refuse-tokens', stream, by, { sets }),
      });
      logger.warn({ stream: stream.id, count: sets.length }, 'a receiver could not use security events');
    });
  }

  async function answer(stream: SignalStream, limit: number): Promise<PollAnswer> {
    if (!(await things.counts(stream.id, stream))) throw unprovenStream();
    const waiting = await store.waiting(stream.id, limit + 1);
    const sets: Record<string, string> = {};
    for (const { claims } of waiting.slice(0, limit))
      sets[claims.jti] = await signSecurityEvent({ ...claims, iss: issuer, aud: stream.audience }, signer);
    const more = waiting.length > limit || (await reader.newest()) > ((await store.find(stream.id))?.position ?? 0n);
    return more ? { sets, moreAvailable: true } : { sets };
  }

  /** @returns false when the poll must not wait */
  function claimWait(institution: string): boolean {
    const count = waitingPolls.get(institution) ?? 0;
    if (count >= maxWaitingPolls) return false;
    waitingPolls.set(institution, count + 1);
    return true;
  }
  function endWait(institution: string): void {
    const count = (waitingPolls.get(institution) ?? 1) - 1;
    if (count === 0) waitingPolls.delete(institution);
    else waitingPolls.set(institution, count);
  }

  async function waitForMore(stream: SignalStream, signal: AbortSignal): Promise<void> {
    if (!claimWait(stream.institution)) return;
    const until = performance.now() + longPollMs;
    try {
      while (!signal.aborted && !stopped() && performance.now() < until) {
        const newest = await reader.newest();
        const { position, status } = (await store.find(stream.id)) ?? {};
        if (position === undefined || status !== 'enabled') return;
        const moved = newest > position && (await fill(stream.id, newest));
        if ((await store.countWaiting(stream.id)) > 0) return;
        // There may be more: other institutions' records are passed in steps.
        if (moved) continue;
        await withTimeout(Math.min(lookAgainMs, until - performance.now()), signal, (ended) =>
          watch.behind(newest, ended),
        );
      }
    } finally {
      endWait(stream.institution);
    }
  }

  return async (text, request, by, signal) => {
    const id = parseStreamId(text);
    const read = id === undefined ? undefined : await store.find(id);
    // Complete an interrupted change first.
    const stream = read && !(await things.counts(read.id, read)) ? await store.find(read.id) : read;
    if (stream?.institution !== by.institution || stream.delivery.method !== 'poll')
      throw sharedSignalErrors.error(
        'stream_not_found',
        `There is no stream with this id and the method ${deliveryMethods.poll}, or you have no access to it.`,
      );
    await settle(stream, request, by);
    const limit = Math.min(request.maxEvents ?? maxTokens, maxTokens);
    // Nothing is sent while it is not enabled (section 8.1.2.1).
    if (stream.status !== 'enabled') return { sets: {} };
    await fill(stream.id, await reader.newest());
    if (limit > 0 && request.returnImmediately !== true && (await store.countWaiting(stream.id)) === 0)
      await waitForMore(stream, signal);
    const now = await store.find(stream.id);
    return now?.status === 'enabled' ? answer(now, limit) : { sets: {} };
  };
}

/** Aborted by either signal or at the timeout. */
async function withTimeout(
  timeoutMs: number,
  signal: AbortSignal,
  wait: (ended: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  const timer = setTimeout(end, Math.max(0, timeoutMs));
  signal.addEventListener('abort', end);
  try {
    await wait(ending.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}

/** A code of RFC 8935 section 7.1, or another one; never free text. */
function codeOf(err: string | undefined): string {
  return err !== undefined && /^[a-z_]{1,64}$/.test(err) ? err : 'unknown';
}
