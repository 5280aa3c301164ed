import type { Client, KeyPurpose, PublicKey, Signer } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import {
  accessTokenHash,
  type EncodedHeader,
  type IdTokenAlgorithm,
  type IdTokenClaims,
  type IdTokenHint,
  type IssuerAlgorithm,
  idTokenHeader,
  importIssuerKey,
  signIdToken,
  type VerificationKey,
  verifyIdTokenHint,
} from '@countersign/oauth';

/** How long a client may treat an ID token as a current sign-in, in seconds. */
const idTokenLifetimeSeconds = 300;

/** What an ID token states about a sign-in. */
export type SignInStatement = Omit<IdTokenClaims, 'iss' | 'iat' | 'exp' | 'at_hash'>;

export interface IdTokens {
  /**
   * Signs an ID token with the algorithm that the client is registered for. The token contains the hash of the access token
   * issued with it.
   *
   * @param issuedAt seconds since the epoch
   */
  issue(
    statement: Omit<SignInStatement, 'aud'>,
    to: { readonly client: Client; readonly accessToken: string; readonly issuedAt: number },
  ): Promise<string>;
}

/** One set of keys for each algorithm: a key is never used with two. */
const purposes: Readonly<Record<IdTokenAlgorithm, KeyPurpose>> = {
  ES256: 'id-token',
  PS256: 'id-token-ps256',
  RS256: 'id-token-rs256',
};

export const idTokenPurposes: readonly KeyPurpose[] = Object.values(purposes);

/** Signs JWTs addressed to one client. */
export interface ClientSigning {
  readonly key: PublicKey;
  sign(data: Uint8Array): Promise<Uint8Array>;
}

/**
 * The key that currently signs a client's ID tokens. It also signs logout tokens, which a client validates in the same way
 * as ID tokens (Back-Channel Logout section 2.6).
 */
export async function signingFor(
  { idTokenAlgorithm }: Pick<Client, 'idTokenAlgorithm'>,
  signer: Pick<Signer, 'current' | 'sign'>,
): Promise<ClientSigning> {
  const purpose = purposes[idTokenAlgorithm];
  const key = await signer.current(purpose);
  return { key, sign: async (data) => (await signer.sign(purpose, key.kid, data)).signature };
}

/** Signs ID tokens with the current key for the client's algorithm; the encoded header is created once per key. */
export function createIdTokens(signer: Pick<Signer, 'current' | 'sign'>, issuer: string): IdTokens {
  const headers = new Map<IdTokenAlgorithm, { readonly kid: string; readonly header: EncodedHeader }>();
  function headerOf(algorithm: IdTokenAlgorithm, key: PublicKey): EncodedHeader {
    const known = headers.get(algorithm);
    if (known?.kid === key.kid) return known.header;
    const header = idTokenHeader(key);
    headers.set(algorithm, { kid: key.kid, header });
    return header;
  }
  return {
    async issue(statement, { client, accessToken, issuedAt }) {
      const { key, sign } = await signingFor(client, signer);
      const claims: IdTokenClaims = {
        iss: issuer,
        ...statement,
        aud: client.id,
        iat: issuedAt,
        exp: issuedAt + idTokenLifetimeSeconds,
        at_hash: accessTokenHash(accessToken, key.algorithm),
      };
      return signIdToken(claims, headerOf(client.idTokenAlgorithm, key), sign);
    },
  };
}

/** Verifies our own ID tokens when clients return them as hints. */
export interface IdTokenHints {
  /**
   * @returns undefined for a hint whose signing key is no longer available: the hint may be ours but proves nothing
   * @throws CodedError of `idTokenErrors` for a token that is not ours
   */
  read(text: string, now: number): Promise<IdTokenHint | undefined>;
}

export function createIdTokenHints(issuer: string, signer: Pick<Signer, 'publicKeys'>): IdTokenHints {
  /** Cached by the signer's key object, so that an entry is freed together with its key. */
  const imported = new WeakMap<object, VerificationKey<IssuerAlgorithm>>();
  function keyFrom({ jwk, algorithm }: PublicKey): VerificationKey<IssuerAlgorithm> {
    const key = imported.get(jwk) ?? importIssuerKey(jwk, algorithm);
    imported.set(jwk, key);
    return key;
  }
  return {
    async read(text, now) {
      const published = (await Promise.all(idTokenPurposes.map((purpose) => signer.publicKeys(purpose)))).flat();
      try {
        return verifyIdTokenHint(text, {
          issuer,
          now,
          keyOf: (kid) => {
            const key = published.find((candidate) => candidate.kid === kid);
            return key === undefined ? undefined : keyFrom(key);
          },
        });
      } catch (error) {
        if (isCodedError(error, 'id_token_key')) return undefined;
        throw error;
      }
    },
  };
}
