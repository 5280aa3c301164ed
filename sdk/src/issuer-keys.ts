import { type Clock, CodedError, errorVocabulary, isRecent } from '@countersign/kernel';
import { importVerificationKey, type VerificationKey } from '@countersign/oauth/signatures';
import { isObject, type Transport } from './transport.ts';

export const issuerKeyErrors = errorVocabulary({ issuer_keys_unavailable: 'unavailable' });

/** The cache lifetime that the issuer states. It bounds the use of a withdrawn key. */
const keysLifeMs = 60_000;
/** Bounds the use of cached keys while the issuer is unreachable. */
const keysBoundMs = 15 * 60_000;
/** An unknown `kid` triggers a fetch. The pause protects the issuer from invented values. */
const refetchPauseMs = 5_000;

export interface IssuerKeys {
  /** Runs `verify`, again with fresh keys if `isKeyUnknown`. @throws CodedError `issuer_keys_unavailable` */
  with<Result>(
    verify: (keyOf: (kid: string) => VerificationKey | undefined) => Result,
    isKeyUnknown: (error: unknown) => boolean,
  ): Promise<Result>;
}

/** @param options.path each kind of signature has its own keys */
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
        ? // Each key is checked on import.
          (answer.body['keys'] as unknown[]).slice(0, 64)
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
      // Recent keys may still verify.
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

/** Skips unusable keys. */
function readKey(jwk: unknown): readonly (readonly [string, VerificationKey])[] {
  if (!isObject(jwk) || typeof jwk['kid'] !== 'string') return [];
  try {
    return [[jwk['kid'], importVerificationKey(jwk)]];
  } catch (error) {
    if (error instanceof CodedError) return [];
    throw error;
  }
}
