import type { Client } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { createKeyCache, type RegisteredKey } from '@countersign/oauth';
import type { Logger } from '@countersign/runtime';

/** What the directory registered for a client, imported. */
export interface RegisteredKeys {
  readonly keys: readonly RegisteredKey[];
  /** When each key was registered, in milliseconds since the epoch, by its thumbprint. */
  readonly registeredAt: ReadonlyMap<string, number>;
  /** The same for certificates, by the thumbprint of the certificate. */
  readonly certificates: ReadonlyMap<string, number>;
  /** When the oldest of them was registered; infinite where there is none. */
  readonly oldest: number;
}

/** The imported keys of a client, kept for as long as the directory keeps that version of the client. */
export function createRegisteredKeys(logger: Logger): (client: Client) => RegisteredKeys {
  // A directory change makes new client objects; most of their keys are the same and need not be imported again.
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
