import type { Client } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { createKeyCache, type RegisteredKey } from '@countersign/oauth';
import type { Logger } from '@countersign/runtime';

/** The imported keys of a client, kept for as long as the directory keeps that version of the client. */
export type ClientKeys = (client: Client) => readonly RegisteredKey[];

export function createClientKeys(logger: Logger): ClientKeys {
  // A directory change makes new client objects; most of their keys are the same and need not be imported again.
  const imported = createKeyCache();
  const known = new WeakMap<Client, readonly RegisteredKey[]>();

  function importAll(client: Client): readonly RegisteredKey[] {
    return client.jwks.flatMap((jwk) => {
      try {
        const key = imported.import(jwk);
        return [jwk['kid'] === undefined ? { key } : { kid: jwk['kid'], key }];
      } catch (error) {
        if (!isCodedError(error)) throw error;
        // One unusable key must not lock out a client that is about to replace it.
        logger.warn({ client: client.id, code: error.code }, 'a registered client key cannot be used');
        return [];
      }
    });
  }

  return (client) => {
    const keys = known.get(client) ?? importAll(client);
    known.set(client, keys);
    return keys;
  };
}
