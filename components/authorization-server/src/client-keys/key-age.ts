import type { AuditAppender, Client } from '@countersign/contracts';
import { type Clock, newId, type Random, toInstant } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { refuse } from '../refusal.ts';

/** How long a registered key may be used, and how long before its end is warned of; in days. */
export interface KeyAgePolicy {
  readonly maxDays: number;
  readonly warnDays: number;
}

const dayMs = 86_400_000;
/** Keys whose warning of today is remembered; past it the oldest are forgotten, and warned of once more. */
const maxWarned = 10_000;

/** A registered key and the time its age counts from, in milliseconds since the epoch. */
export interface AgedKey {
  readonly thumbprint: string;
  readonly registeredAt: number;
}

export interface KeyAge {
  /** Nothing registered at this time or later is old enough to be looked at. */
  youngEnough(registeredAt: number, now: number): boolean;
  /**
   * Refuses a key past its end, and warns of one near it: in the log of the process and, at most once a day for each
   * key, in a record. The warning keeps nobody waiting, and nobody out when it cannot be written.
   *
   * @throws CodedError `invalid_client` with the reason `client_key_expired`
   */
  check(client: Client, key: AgedKey, now: number): void;
}

export function createKeyAge(
  policy: KeyAgePolicy,
  dependencies: {
    readonly audit: AuditAppender;
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
  },
): KeyAge {
  const { audit, clock, random, logger } = dependencies;
  const warnAfterMs = (policy.maxDays - policy.warnDays) * dayMs;
  const endAfterMs = policy.maxDays * dayMs;
  /** The day of the last warning, by client and key. */
  const warned = new Map<string, number>();

  function warnOnceADay(client: Client, { thumbprint, registeredAt }: AgedKey, now: number): void {
    const name = `${client.id} ${thumbprint}`;
    const today = Math.floor(now / dayMs);
    if (warned.get(name) === today) return;
    const [oldest] = warned.keys();
    if (warned.size >= maxWarned && oldest !== undefined) warned.delete(oldest);
    warned.set(name, today);
    const endsAt = toInstant(registeredAt + endAfterMs);
    logger.warn({ client: client.id, kid: thumbprint, endsAt }, 'a client key comes to the end of its age');
    audit
      .append({
        id: newId('record', { clock, random }),
        type: 'client.key-aging',
        source: 'authorization-server',
        outcome: 'done',
        client: client.id,
        subject: { id: client.principal, institution: client.institution },
        data: { thumbprint, registered_at: toInstant(registeredAt), ends_at: endsAt },
      })
      .catch((error: unknown) => {
        warned.delete(name);
        logger.warn({ error, client: client.id }, 'the age of a client key could not be recorded');
      });
  }

  return {
    youngEnough: (registeredAt, now) => now < registeredAt + warnAfterMs,
    check(client, key, now) {
      if (now >= key.registeredAt + endAfterMs)
        throw refuse(
          'client_key_expired',
          `The key of the client is older than ${policy.maxDays} days: register a new one.`,
        );
      if (now >= key.registeredAt + warnAfterMs) warnOnceADay(client, key, now);
    },
  };
}
