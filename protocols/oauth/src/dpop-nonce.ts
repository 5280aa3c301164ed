import { createHmac } from 'node:crypto';
import { equalInConstantTime } from '@countersign/kernel';

/** The nonces of a server (RFC 9449 sections 8 and 9), made from a secret and the time, and kept nowhere. */
export interface NonceSource {
  /** The value of the `DPoP-Nonce` header. @param now milliseconds since the epoch */
  current(now: number): string;
  /** True for a nonce of this window, of the one before, or of the next, where another node may already be. */
  accepts(nonce: string, now: number): boolean;
}

/**
 * Nonces that every node with the same secret makes and accepts alike, so that a client may ask one node and be
 * answered by another. Each is accepted for one to two windows after it was given out; who does not hold the secret
 * cannot make one ahead of its time.
 *
 * @param options.secret at least 32 random octets, for nothing else
 * @param options.windowSeconds how long one nonce is given out
 */
export function createNonceSource(options: {
  readonly secret: Uint8Array;
  readonly windowSeconds: number;
}): NonceSource {
  const { secret, windowSeconds } = options;
  if (secret.length < 32 || !(windowSeconds >= 1))
    throw new RangeError('A nonce source needs a secret of at least 32 octets and a window of at least 1 second.');
  let made: { readonly window: number; readonly nonces: readonly [string, string, string] } | undefined;

  /** This window's nonce, then the one before, then the next. */
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

/** The purpose is part of what is signed, so that a secret used elsewhere by mistake still gives other values. */
function nonceOf(secret: Uint8Array, window: number): string {
  return createHmac('sha256', secret).update(`dpop-nonce ${window}`).digest('base64url');
}
