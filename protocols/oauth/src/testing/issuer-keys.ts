import { type EncodedHeader, encodeHeader } from '../jws.ts';
import { importVerificationKey, type VerificationKey } from '../key-cache.ts';
import { forge, makePair, type Pair, signWith } from './forge.ts';

/** An issuer's key with everything needed for signing and verification. */
export interface IssuerKey {
  readonly pair: Pair;
  readonly key: VerificationKey;
  readonly name: { readonly kid: string; readonly algorithm: Pair['algorithm'] };
  readonly sign: (signingInput: Uint8Array) => Promise<Uint8Array>;
  readonly keyOf: (kid: string) => VerificationKey | undefined;
  /** A correctly signed JWT of any type with any claims; without `typ` if it is undefined. */
  forge(typ: string | undefined, claims: unknown): string;
  header(typ: string): EncodedHeader;
}

export function makeIssuerKey(algorithm: Pair['algorithm'] = 'ES256'): IssuerKey {
  const pair = makePair(algorithm);
  const key = importVerificationKey(pair.jwk);
  const kid: string = key.thumbprint;
  return {
    pair,
    key,
    name: { kid, algorithm },
    sign: async (signingInput) => signWith(pair, signingInput),
    keyOf: (asked) => (asked === kid ? key : undefined),
    forge: (typ, claims) => forge(pair, { alg: algorithm, typ, kid }, claims),
    header: (typ) => encodeHeader({ alg: algorithm, typ, kid }),
  };
}
