import { type Commands, thingOf } from '@countersign/commands';
import { type Outbound, recordIdAfter, type Signer, streamEventUri } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import { type Logger, type SealingKey, unseal } from '@countersign/runtime';
import {
  failsForTooLong,
  leaseMs,
  ownFaultMs,
  type PostOutcome,
  postTo,
  retryAfter,
  turnMs,
  unprovenMs,
} from '../delivery-attempt.ts';
import type { Fill } from './filling.ts';
import type { StreamKind, StreamThings } from './recorded-stream.ts';
import { securityEventType, signSecurityEvent } from './security-event-token.ts';
import type { LeasedStream, SignalStore } from './store.ts';
import { type QueuedClaims, streamToken } from './stream.ts';
import { authorizationBinding, suspension } from './stream-commands.ts';

export interface PushDependencies {
  readonly store: SignalStore;
  readonly fill: Fill;
  readonly issuer: string;
  readonly kind: StreamKind;
  readonly things: StreamThings;
  readonly commands: Commands;
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly sealingKey: SealingKey;
  readonly outbound: Pick<Outbound, 'post'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Read for one turn. */
const tokensAtOnce = 100;
/**
 * Pushes in log order, one token at a time, and advances after a 2xx answer (RFC 8935). A refused token is retried:
 * the transmitter must not decide that the receiver can do without it.
 *
 * @returns how many were delivered
 */
export async function push(
  held: LeasedStream,
  turn: { readonly newest: bigint; readonly ended: () => boolean },
  dependencies: PushDependencies,
): Promise<number> {
  const { store, fill, things, clock, logger } = dependencies;
  const until = clock.now() + turnMs;
  let delivered = 0;
  try {
    if (!(await things.counts(held.id, held.stream))) {
      await store.release(held, clock.now() + unprovenMs);
      return 0;
    }
    await fill(held.id, turn.newest);
    for (const { place, claims } of await store.waiting(held.id, tokensAtOnce)) {
      if (turn.ended() || clock.now() > until) break;
      const outcome = await send(held, claims, dependencies);
      if (outcome.kind === 'failed') {
        // The failure belongs to the token that failed; earlier ones were delivered.
        await putOff(delivered === 0 ? held : { ...held, attempts: 0, failingSince: undefined }, outcome, dependencies);
        return delivered;
      }
      if (!(await store.delivered(held, place, clock.now() + leaseMs))) return delivered;
      delivered += 1;
    }
    await store.release(held, clock.now());
  } catch (error) {
    logger.warn({ error, stream: held.id }, 'a stream of security events could not be pushed');
    // If this fails too, the lease expires and the next holder continues from the queue.
    await store.release(held, clock.now() + ownFaultMs).catch(() => false);
  }
  return delivered;
}

async function send(
  { id, stream }: LeasedStream,
  claims: QueuedClaims,
  { issuer, signer, sealingKey, outbound }: PushDependencies,
): Promise<PostOutcome> {
  const { delivery, audience } = stream;
  if (delivery.method !== 'push') throw new Error('a stream with the poll method was leased for a push');
  const body = await signSecurityEvent({ ...claims, iss: issuer, aud: audience }, signer);
  const { url, authorization } = delivery;
  return postTo(outbound, url, {
    contentType: `application/${securityEventType}`,
    body,
    ...(authorization === undefined
      ? {}
      : { authorization: unseal(authorization, sealingKey, authorizationBinding(id)).toString('utf8') }),
  });
}

async function putOff(
  held: LeasedStream,
  { detail, gone }: Extract<PostOutcome, { kind: 'failed' }>,
  dependencies: PushDependencies,
): Promise<void> {
  const { store, clock, random } = dependencies;
  const now = clock.now();
  if (gone || failsForTooLong(held.failingSince, now)) await suspend(held, { detail, gone }, dependencies);
  else await store.failed(held, now, now + retryAfter(held.attempts, random), detail);
}

/**
 * Events are kept until the receiver enables the stream. Section 8.1.5 asks for a notification, which is tried once.
 */
async function suspend(
  held: LeasedStream,
  { detail, gone }: { readonly detail: string; readonly gone: boolean },
  dependencies: PushDependencies,
): Promise<void> {
  const { kind, commands, clock, logger } = dependencies;
  const reason = gone ? 'The address is gone (410).' : 'Delivery has failed for three days.';
  const told = streamToken(held.id, {
    // Derived from the coming record: a repetition sends the same token.
    jti: `${recordIdAfter(thingOf(kind, held.id), held.stream.record)}.0.${held.id}`,
    uri: streamEventUri('stream-updated'),
    claims: { status: 'paused', reason },
    nowSeconds: Math.floor(clock.now() / 1000),
  });
  if (!gone) await send(held, told, dependencies);
  if (await commands.run(suspension(kind), { held, reason, detail }))
    logger.error({ stream: held.id }, 'a stream of security events is paused: it could not be delivered');
}
