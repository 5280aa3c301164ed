import type { Client, KeyPurpose, PublicKey, Signer } from '@countersign/contracts';
import {
  accessTokenHash,
  type EncodedHeader,
  type IdTokenAlgorithm,
  type IdTokenClaims,
  type IdTokenHint,
  type IssuerAlgorithm,
  idTokenErrors,
  idTokenHeader,
  importIssuerKey,
  signIdToken,
  type VerificationKey,
  verifyIdTokenHint,
} from '@countersign/oauth';

/** How long a client may treat an ID token as a current sign-in, in seconds. */
const idTokenLifetimeSeconds = 300;

export type SignInStatement = Omit<IdTokenClaims, 'iss' | 'iat' | 'exp' | 'at_hash'>;

export interface IdTokens {
  /**
   * Signs an ID token with the client's algorithm, bound to the access token.
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

export interface ClientSigning {
  readonly key: PublicKey;
  sign(data: Uint8Array): Promise<Uint8Array>;
}

/** The current key for a client's ID tokens and logout tokens (Back-Channel Logout section 2.6). */
export async function signingFor(
  { idTokenAlgorithm }: Pick<Client, 'idTokenAlgorithm'>,
  signer: Pick<Signer, 'current' | 'sign'>,
): Promise<ClientSigning> {
  const purpose = purposes[idTokenAlgorithm];
  const key = await signer.current(purpose);
  return { key, sign: async (data) => (await signer.sign(purpose, key.kid, data)).signature };
}

/** The encoded header is created once per key. */
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

/** Our own ID tokens that clients return as hints. */
export interface IdTokenHints {
  /**
   * @returns undefined if the signing key is no longer available
   * @throws CodedError of `idTokenErrors` for a token that is not ours
   */
  read(text: string, now: number): Promise<IdTokenHint | undefined>;
}

export function createIdTokenHints(issuer: string, signer: Pick<Signer, 'publicKeys'>): IdTokenHints {
  /** Keyed by the signer's object, so that entries are freed with it. */
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
        if (idTokenErrors.is(error, 'id_token_key')) return undefined;
        throw error;
      }
    },
  };
}
