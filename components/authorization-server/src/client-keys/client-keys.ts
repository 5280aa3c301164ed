import type { AuditAppender, Client, Outbound } from '@countersign/contracts';
import { type Clock, isCodedError, newId, type Random, toInstant } from '@countersign/kernel';
import { createKeyCache, type RegisteredKey } from '@countersign/oauth';
import type { Logger } from '@countersign/runtime';
import { refuse } from '../refusal.ts';
import type { CredentialHolderStore } from './credential-holder-store.ts';
import { createFetchedKeys } from './fetched-keys.ts';
import { createOtherHolder, type OtherHolder } from './sole-holder.ts';

/** From the directory, or fetched from the registered address. */
export interface ClientKeys {
  /** Undefined if keys must be fetched. */
  held(client: Client, now: number): readonly RegisteredKey[] | undefined;
  /** By `x5t#S256`. */
  holdsCertificate(client: Client, thumbprint: string, now: number): boolean;
  /** Fetches the key set again if it is due. Never throws: a set that cannot be fetched is not cached. */
  fetch(client: Client, now: number): Promise<void>;
  /** @throws CodedError `invalid_client` (`client_key_expired`) for a registered key that is too old */
  checkAge(client: Client, thumbprint: string, now: number): void;
  /** @throws as {@link checkAge}, for a registered certificate */
  checkCertificateAge(client: Client, thumbprint: string, now: number): void;
  readonly otherHolder: OtherHolder;
}

export interface ClientKeysDependencies {
  readonly outbound: Pick<Outbound, 'getJson'>;
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly keyAge: KeyAgePolicy;
  readonly holders: CredentialHolderStore;
}

export function createClientKeys(dependencies: ClientKeysDependencies): ClientKeys {
  const registered = createRegisteredKeys(dependencies.logger);
  const fetched = createFetchedKeys(dependencies);
  const age = createKeyAge(dependencies.keyAge, dependencies);

  return {
    otherHolder: createOtherHolder(dependencies.holders),
    held: (client, now) => (client.jwksUri === undefined ? registered(client).keys : fetched.held(client, now)?.keys),
    holdsCertificate: (client, thumbprint, now) =>
      client.jwksUri === undefined
        ? registered(client).certificates.has(thumbprint)
        : fetched.held(client, now)?.certificates.has(thumbprint) === true,
    fetch: (client, now) => fetched.refresh(client, now),
    checkAge(client, thumbprint, now) {
      if (client.jwksUri !== undefined) return;
      const { oldest, registeredAt } = registered(client);
      // Nearly every client has no key close to the limit.
      if (age.youngEnough(oldest, now)) return;
      age.check(client, { thumbprint, registeredAt: registeredAt.get(thumbprint) ?? oldest }, now);
    },
    checkCertificateAge(client, thumbprint, now) {
      if (client.jwksUri !== undefined) return;
      const { oldest, certificates } = registered(client);
      age.check(client, { thumbprint, registeredAt: certificates.get(thumbprint) ?? oldest }, now);
    },
  };
}

export interface RegisteredKeys {
  readonly keys: readonly RegisteredKey[];
  /** By thumbprint, milliseconds since the epoch. */
  readonly registeredAt: ReadonlyMap<string, number>;
  /** By the certificate's thumbprint. */
  readonly certificates: ReadonlyMap<string, number>;
  /** Infinite if there is none. */
  readonly oldest: number;
}

/** Cached with the directory's client object. */
export function createRegisteredKeys(logger: Logger): (client: Client) => RegisteredKeys {
  // A directory change creates new client objects, mostly with unchanged keys.
  const imported = createKeyCache();
  const known = new WeakMap<Client, RegisteredKeys>();

  function importAll(client: Client): RegisteredKeys {
    const keys: RegisteredKey[] = [];
    const registeredAt = new Map<string, number>();
    const certificates = new Map<string, number>();
    for (const registered of client.keys) {
      const { jwk, certificateThumbprint } = registered;
      if (certificateThumbprint !== undefined) certificates.set(certificateThumbprint, registered.registeredAt);
      try {
        const key = imported.import(jwk);
        keys.push(jwk['kid'] === undefined ? { key } : { kid: jwk['kid'], key });
        registeredAt.set(key.thumbprint, registered.registeredAt);
      } catch (error) {
        if (!isCodedError(error)) throw error;
        // One unusable key must not lock out a client that is about to replace it.
        logger.warn({ client: client.id, code: error.code }, 'a registered client key cannot be used');
      }
    }
    const oldest = Math.min(...registeredAt.values(), ...certificates.values());
    return { keys, registeredAt, certificates, oldest };
  }

  return (client) => {
    const held = known.get(client) ?? importAll(client);
    known.set(client, held);
    return held;
  };
}

export interface KeyAgePolicy {
  readonly maxDays: number;
  readonly warnDays: number;
}

const dayMs = 86_400_000;
/** Beyond it, the oldest warnings are forgotten. */
const maxWarned = 10_000;

/** Times are milliseconds since the epoch. */
export interface AgedKey {
  readonly thumbprint: string;
  readonly registeredAt: number;
}

export interface KeyAge {
  /** Whether no key needs a check. */
  youngEnough(registeredAt: number, now: number): boolean;
  /** Refuses an expired key, and warns once a day of one close to its limit, without delay. @throws CodedError `invalid_client` (`client_key_expired`) */
  check(client: Client, key: AgedKey, now: number): void;
}

export function createKeyAge(
  policy: KeyAgePolicy,
  dependencies: Pick<ClientKeysDependencies, 'audit' | 'clock' | 'random' | 'logger'>,
): KeyAge {
  const { audit, clock, random, logger } = dependencies;
  const warnAfterMs = (policy.maxDays - policy.warnDays) * dayMs;
  const endAfterMs = policy.maxDays * dayMs;
  /** Day of the last warning, by client and key. */
  const warned = new Map<string, number>();

  function warnOnceADay(client: Client, { thumbprint, registeredAt }: AgedKey, now: number): void {
    const name = `${client.id} ${thumbprint}`;
    const today = Math.floor(now / dayMs);
    if (warned.get(name) === today) return;
    const [oldest] = warned.keys();
    if (warned.size >= maxWarned && oldest !== undefined) warned.delete(oldest);
    warned.set(name, today);
    const endsAt = toInstant(registeredAt + endAfterMs);
    logger.warn({ client: client.id, kid: thumbprint, endsAt }, 'a client key will expire soon');
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
        throw refuse('client_key_expired', `The client key is older than ${policy.maxDays} days. Register a new one.`);
      if (now >= key.registeredAt + warnAfterMs) warnOnceADay(client, key, now);
    },
  };
}
