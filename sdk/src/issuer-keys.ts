import { type Clock, CodedError, errorVocabulary, isRecent } from '@countersign/kernel';
import { importVerificationKey, type VerificationKey } from '@countersign/oauth/signatures';
import { isObject, type Transport } from './transport.ts';

export const issuerKeyErrors = errorVocabulary({ issuer_keys_unavailable: 'unavailable' });

/** As long as the issuer says that they may be kept: a key that it has withdrawn is believed no longer than this. */
const keysLifeMs = 60_000;
/** While the issuer cannot be reached, the keys it had go on for so long; nobody can tell what it has withdrawn since. */
const keysBoundMs = 15 * 60_000;
/** An unknown `kid` makes us fetch again, but a flood of made-up ones must not make us flood the issuer. */
const refetchPauseMs = 5_000;

/** The published keys of the control plane, kept for a while. */
export interface IssuerKeys {
  /**
   * Runs `verify` with the keys there are, and once more with fresh ones when it says by `isKeyUnknown` that it met a
   * key it does not know.
   *
   * @throws what `verify` throws; CodedError `issuer_keys_unavailable` while there are none at all
   */
  with<Result>(
    verify: (keyOf: (kid: string) => VerificationKey | undefined) => Result,
    isKeyUnknown: (error: unknown) => boolean,
  ): Promise<Result>;
}

/** @param options.path where the issuer publishes this set; each kind of signature has keys of its own */
export function createIssuerKeys(options: {
  readonly issuer: string;
  readonly path?: '/jwks' | '/transactions/keys' | '/mandates/keys' | '/events/keys' | '/signals/keys';
  readonly transport: Transport;
  readonly clock: Clock;
}): IssuerKeys {
  const { issuer, transport, clock, path = '/jwks' } = options;
  let keys: ReadonlyMap<string, VerificationKey> = new Map();
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;

  async function fetchKeys(): Promise<void> {
    const answer = await transport.send({
      method: 'GET',
      url: `${issuer}${path}`,
      headers: { accept: 'application/json' },
    });
    const listed =
      isObject(answer.body) && Array.isArray(answer.body['keys'])
        ? (answer.body['keys'] as unknown[]).slice(0, 64)
        : [];
    const read = listed.flatMap((jwk) => readKey(jwk));
    if (answer.status !== 200 || read.length === 0)
      throw issuerKeyErrors.error(
        'issuer_keys_unavailable',
        'The control plane publishes no usable signing keys at the moment.',
      );
    keys = new Map(read);
    fetchedAt = clock.now();
  }

  async function refresh(): Promise<void> {
    fetching ??= fetchKeys().finally(() => {
      fetching = undefined;
    });
    await fetching;
  }

  async function ensureKeys(): Promise<void> {
    if (isRecent(fetchedAt, keysLifeMs, clock.now())) return;
    try {
      await refresh();
    } catch (error) {
      // Keys that were good a while ago still verify what they signed; with none, or none but old ones, the answer is no.
      if (keys.size === 0 || !isRecent(fetchedAt, keysBoundMs, clock.now())) throw error;
    }
  }

  return {
    async with(verify, isKeyUnknown) {
      await ensureKeys();
      const keyOf = (kid: string): VerificationKey | undefined => keys.get(kid);
      try {
        return verify(keyOf);
      } catch (error) {
        if (!isKeyUnknown(error) || isRecent(fetchedAt, refetchPauseMs, clock.now())) throw error;
        await refresh();
        return verify(keyOf);
      }
    },
  };
}

/** A key we cannot use is left out; that a key set holds one must not stop the others. */
function readKey(jwk: unknown): readonly (readonly [string, VerificationKey])[] {
  if (!isObject(jwk) || typeof jwk['kid'] !== 'string') return [];
  try {
    return [[jwk['kid'], importVerificationKey(jwk)]];
  } catch (error) {
    if (error instanceof CodedError) return [];
    throw error;
  }
}
