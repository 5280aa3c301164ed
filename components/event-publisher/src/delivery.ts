import type { AuditAppender, CloudEvent, Outbound, Signer } from '@countersign/contracts';
import { type Clock, newId, type Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { signMessage } from './message-signature.ts';
import type { Reader } from './reader.ts';
import type { Leased, Store } from './store.ts';

export interface DeliveryDependencies {
  readonly store: Store;
  readonly reader: Reader;
  readonly audit: AuditAppender;
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly outbound: Pick<Outbound, 'post'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export const contentType = 'application/cloudevents+json';

/** Another node takes a subscription over when the one that delivers it says nothing for so long. */
const leaseMs = 30_000;
/** Well within a lease. */
const postTimeoutMs = 5_000;
/** Delivered in one go, then others have their turn. */
const eventsAtOnce = 100;
const subscriptionsAtOnce = 16;
/** A subscription that has caught up is looked at again after it. */
const idleMs = 500;
const firstRetryMs = 1_000;
const longestRetryMs = 3_600_000;
/** After so long without success a person has to look at it; nothing is lost meanwhile. */
const suspendAfterMs = 3 * 86_400_000;

type Outcome =
  | { readonly kind: 'delivered' | 'lease-lost' }
  | { readonly kind: 'failed'; readonly detail: string; readonly gone: boolean };

/**
 * Delivers what is due, once: each subscription in the order of the log, one event at a time, moving on after a 2xx
 * answer. Safe to run on every node at once.
 *
 * @returns how many events were delivered
 */
export async function deliverDue(dependencies: DeliveryDependencies): Promise<number> {
  const { store, clock } = dependencies;
  const held = await store.lease(clock.now(), leaseMs, subscriptionsAtOnce);
  const delivered = await Promise.all(held.map((one) => deliver(one, dependencies)));
  return delivered.reduce((sum, count) => sum + count, 0);
}

async function deliver(held: Leased, dependencies: DeliveryDependencies): Promise<number> {
  const { store, reader, clock, logger } = dependencies;
  let delivered = 0;
  try {
    const { topics, position: after } = held;
    const page = await reader.read(held.institution, { after, topics, limit: eventsAtOnce });
    for (const event of page.events) {
      const outcome = await send(held, event, dependencies);
      if (outcome.kind === 'lease-lost') return delivered;
      if (outcome.kind === 'failed') {
        await putOff(held, outcome, dependencies);
        return delivered;
      }
      delivered += 1;
    }
    // Past what is others' too, so that it is not read again.
    if (page.position > after && !(await store.advance(held, page.position, clock.now() + leaseMs))) return delivered;
    await store.release(held, clock.now() + (page.atEnd ? idleMs : 0));
  } catch (error) {
    // The lease ends by itself, and whoever holds it next goes on from the stored position.
    logger.warn({ error, subscription: held.id }, 'a subscription could not be delivered');
  }
  return delivered;
}

async function send(held: Leased, event: CloudEvent, dependencies: DeliveryDependencies): Promise<Outcome> {
  const { store, signer, outbound, clock } = dependencies;
  const message = { method: 'POST', url: held.url, contentType, body: JSON.stringify(event) } as const;
  const headers = await signMessage(message, { signer, createdSeconds: Math.floor(clock.now() / 1000) });
  let status: number;
  try {
    ({ status } = await outbound.post(held.url, {
      contentType,
      body: message.body,
      headers,
      timeoutMs: postTimeoutMs,
    }));
  } catch {
    // What the address answered, or that it is refused, is the log's; the subscriber is told what they can act on.
    return { kind: 'failed', detail: 'The address gave no answer in time, or is refused.', gone: false };
  }
  if (status < 200 || status >= 300)
    return { kind: 'failed', detail: `The address answered with status ${status}.`, gone: status === 410 };
  return (await store.advance(held, BigInt(event.sequence), clock.now() + leaseMs))
    ? { kind: 'delivered' }
    : { kind: 'lease-lost' };
}

async function putOff(
  held: Leased,
  { detail, gone }: Extract<Outcome, { kind: 'failed' }>,
  dependencies: DeliveryDependencies,
): Promise<void> {
  const { store, clock, random } = dependencies;
  const now = clock.now();
  const tooLong = held.failingSince !== undefined && now - held.failingSince >= suspendAfterMs;
  await store.failed(held, now, now + retryAfter(held.attempts, random), detail);
  if (gone || tooLong) await suspend(held, detail, dependencies);
}

/** Doubled with each failure, up to an hour; a fifth of it by chance, so that a receiver that is back is not overrun. */
function retryAfter(attempts: number, random: Random): number {
  const wait = Math.min(firstRetryMs * 2 ** Math.min(attempts, 30), longestRetryMs);
  const [byte = 0] = random.bytes(1);
  return Math.round(wait * (0.8 + (0.2 * byte) / 255));
}

async function suspend(
  held: Leased,
  detail: string,
  { store, audit, clock, random, logger }: DeliveryDependencies,
): Promise<void> {
  await store.inUnit(async (unit) => {
    if (!(await unit.suspend(held.id, held.lease))) return;
    await audit.append({
      id: newId('record', { clock, random }),
      type: 'event.delivery-suspended',
      source: 'event-publisher',
      outcome: 'done',
      data: { subscription: held.id, institution: held.institution, position: held.position.toString(), detail },
    });
  });
  logger.error({ subscription: held.id }, 'a subscription is suspended: it could not be delivered');
}
