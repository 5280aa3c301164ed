import { createHash } from 'node:crypto';
import type { Commands, RecordedThings } from '@countersign/commands';
import type { CloudEvent, Outbound, SignatureFields, Signer } from '@countersign/contracts';
import type { Clock, Random, SubscriptionId } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import {
  failsForTooLong,
  leaseMs,
  ownFaultMs,
  type PostOutcome,
  postTo,
  retryAfter,
  turnMs,
  unprovenMs,
} from './delivery-attempt.ts';
import type { Reader } from './reader.ts';
import type { SubscriptionKind } from './recorded-subscription.ts';
import type { Store, Subscription, SubscriptionState } from './store.ts';
import { suspension } from './subscriptions.ts';

export interface DeliveryDependencies {
  readonly store: Store;
  readonly reader: Reader;
  readonly kind: SubscriptionKind;
  readonly things: RecordedThings<SubscriptionId, SubscriptionState, Subscription>;
  readonly commands: Commands;
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly outbound: Pick<Outbound, 'post'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const contentType = 'application/cloudevents+json';

const eventsAtOnce = 100;
type Outcome = { readonly kind: 'delivered' | 'lease-lost' } | Extract<PostOutcome, { kind: 'failed' }>;

/**
 * Sends events in log order, one at a time, and advances after a 2xx answer.
 *
 * @returns how many events were delivered
 */
export async function deliver(
  held: Subscription,
  turn: { readonly newest: bigint; readonly ended: () => boolean },
  dependencies: DeliveryDependencies,
): Promise<number> {
  const { store, reader, things, clock, logger } = dependencies;
  const { institution, topics, position: after } = held;
  const until = clock.now() + turnMs;
  let delivered = 0;
  let position = after;
  try {
    if (!(await things.counts(held.id, held))) {
      await store.release(held, position, clock.now() + unprovenMs);
      return 0;
    }
    const page = await reader.read(institution, { after, topics, limit: eventsAtOnce, newest: turn.newest });
    for (const event of page.events) {
      if (turn.ended() || clock.now() > until) {
        await store.release(held, position, clock.now());
        return delivered;
      }
      const outcome = await send(held, event, dependencies);
      if (outcome.kind === 'lease-lost') return delivered;
      if (outcome.kind === 'failed') {
        // The failure belongs to the event that failed; earlier events of this turn were delivered.
        await putOff(delivered === 0 ? held : { ...held, attempts: 0, failingSince: undefined }, outcome, dependencies);
        return delivered;
      }
      delivered += 1;
      position = BigInt(event.sequence);
    }
    // Also passes events of others, so that they are not read again.
    await store.release(held, page.position, clock.now());
  } catch (error) {
    logger.warn({ error, subscription: held.id }, 'a subscription could not be delivered');
    // If this fails too, the lease expires and the next holder continues from the stored position.
    await store.release(held, position, clock.now() + ownFaultMs).catch(() => false);
  }
  return delivered;
}

async function send(held: Subscription, event: CloudEvent, dependencies: DeliveryDependencies): Promise<Outcome> {
  const { store, signer, outbound, clock } = dependencies;
  const message = { method: 'POST', url: held.url, contentType, body: JSON.stringify(event) } as const;
  const headers = await signMessage(message, { signer, createdSeconds: Math.floor(clock.now() / 1000) });
  const posted = await postTo(outbound, held.url, { contentType, body: message.body, headers });
  if (posted.kind === 'failed') return posted;
  return (await store.advance(held, BigInt(event.sequence), clock.now() + leaseMs))
    ? { kind: 'delivered' }
    : { kind: 'lease-lost' };
}

async function putOff(
  held: Subscription,
  { detail, gone }: Extract<Outcome, { kind: 'failed' }>,
  dependencies: DeliveryDependencies,
): Promise<void> {
  const { store, clock, random } = dependencies;
  const now = clock.now();
  const tooLong = failsForTooLong(held.failingSince, now);
  const stillOurs = await store.failed(held, now, now + retryAfter(held.attempts, random), detail);
  if (stillOurs && (gone || tooLong)) await suspend(held, detail, dependencies);
}

async function suspend(
  held: Subscription,
  detail: string,
  { kind, commands, logger }: DeliveryDependencies,
): Promise<void> {
  if (await commands.run(suspension(kind), { held, detail }))
    logger.error({ subscription: held.id }, 'a subscription is suspended: it could not be delivered');
}

/**
 * HTTP message signature (RFC 9421) over method, target, content type and body digest (RFC 9530), with
 * ecdsa-p256-sha256. A signature over less could be carried over to another message.
 *
 * @returns the fields to send, names in lower case
 */
export async function signMessage(
  message: { readonly method: 'POST'; readonly url: string; readonly contentType: string; readonly body: string },
  { signer, createdSeconds }: { readonly signer: Pick<Signer, 'current' | 'sign'>; readonly createdSeconds: number },
): Promise<SignatureFields> {
  const { method, url, contentType, body } = message;
  const { kid } = await signer.current('event');
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
  const parameters =
    `("@method" "@target-uri" "content-digest" "content-type");created=${createdSeconds}` +
    `;expires=${createdSeconds + lifetimeSeconds};keyid="${kid}";alg="ecdsa-p256-sha256"`;
  // RFC 9421 section 2.5.
  const base = [
    `"@method": ${method}`,
    `"@target-uri": ${url}`,
    `"content-digest": ${digest}`,
    `"content-type": ${contentType}`,
    `"@signature-params": ${parameters}`,
  ].join('\n');
  const { signature } = await signer.sign('event', kid, Buffer.from(base));
  return {
    'content-digest': digest,
    'signature-input': `countersign=${parameters}`,
    signature: `countersign=:${Buffer.from(signature).toString('base64')}:`,
  };
}

const lifetimeSeconds = 300;
