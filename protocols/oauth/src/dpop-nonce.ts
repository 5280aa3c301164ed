import { createHmac } from 'node:crypto';
import { equalInConstantTime } from '@countersign/kernel';

/** Server nonces (RFC 9449 sections 8 and 9), derived from a secret and the time. */
export interface NonceSource {
  /** For the `DPoP-Nonce` header. @param now milliseconds since the epoch */
  current(now: number): string;
  /** Of the previous, current or next window, which another node may already use. */
  accepts(nonce: string, now: number): boolean;
}

/**
 * Nodes with the same secret accept each other's nonces, for one to two windows. @param options.secret at least 32
 * random octets, used for nothing else @param options.windowSeconds how long each nonce is issued
 */
export function createNonceSource(options: {
  readonly secret: Uint8Array;
  readonly windowSeconds: number;
}): NonceSource {
  const { secret, windowSeconds } = options;
  if (secret.length < 32 || !(windowSeconds >= 1))
    throw new RangeError('A nonce source needs a secret of at least 32 octets and a window of at least 1 second.');
  let made: { readonly window: number; readonly nonces: readonly [string, string, string] } | undefined;

  /** Current, previous and next window. */
  function nonces(now: number): readonly [string, string, string] {
    const window = Math.floor(now / (windowSeconds * 1000));
    if (made?.window !== window)
      made = { window, nonces: [nonceOf(secret, window), nonceOf(secret, window - 1), nonceOf(secret, window + 1)] };
    return made.nonces;
  }

  return {
    current: (now) => nonces(now)[0],
    accepts: (nonce, now) => nonces(now).some((one) => equalInConstantTime(one, nonce)),
  };
}

/** The purpose keeps a secret that is reused by mistake from giving the same values. */
function nonceOf(secret: Uint8Array, window: number): string {
  return createHmac('sha256', secret).update(`dpop-nonce ${window}`).digest('base64url');
}
