import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '@countersign/kernel';
import { createFileDurably } from '@countersign/runtime';
import { generateSigningKey, importSigningKey, type SigningKey } from '@countersign/sdk';
import { type ClientName, clientNames } from './example.ts';

/** The example's own keys and its creation time. */
export interface ExampleKeys {
  readonly keys: Readonly<Record<ClientName, SigningKey>>;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/**
 * Reads the keys from the data folder and creates them the first time, mode 0600. @throws CodedError `try_out_keys_unreadable`
 */
export function exampleKeys(dataFolder: string, now: number): ExampleKeys {
  const file = join(dataFolder, 'try-out.json');
  const made = {
    since: now,
    keys: Object.fromEntries(clientNames.map((name) => [name, generateSigningKey().privateJwk])),
  };
  createFileDurably(file, `${JSON.stringify(made)}\n`, 0o600);
  try {
    // A file that this function wrote.
    const { since, keys } = JSON.parse(readFileSync(file, 'utf8')) as typeof made;
    const keyOf = (name: ClientName): SigningKey => importSigningKey(keys[name]);
    return {
      since,
      keys: {
        'try-out-fund': keyOf('try-out-fund'),
        'try-out-house': keyOf('try-out-house'),
        'try-out-algorithm': keyOf('try-out-algorithm'),
      },
    };
  } catch (cause) {
    throw new CodedError({
      code: 'try_out_keys_unreadable',
      category: 'invalid',
      detail: `${file} cannot be read. Remove it, and the try-out begins with new keys.`,
      cause,
    });
  }
}
