import type { Client, KeyPurpose, PublicKey, Signer } from '@countersign/contracts';
import {
  accessTokenHash,
  type EncodedHeader,
  type IdTokenAlgorithm,
  type IdTokenClaims,
  idTokenHeader,
  signIdToken,
} from '@countersign/oauth';

/** How long an ID token may be taken for news of a sign-in, in seconds. */
const idTokenLifetimeSeconds = 300;

/** What is said of a sign-in to the client that asked for it. */
export type SignInStatement = Omit<IdTokenClaims, 'iss' | 'iat' | 'exp' | 'at_hash'>;

export interface IdTokens {
  /**
   * An ID token for a client, signed as the client is registered for, that names the access token it comes with.
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

/** What signs a JWT that is addressed to one client. */
export interface ClientSigning {
  readonly key: PublicKey;
  sign(data: Uint8Array): Promise<Uint8Array>;
}

/**
 * The key that signs ID tokens of a client now. Logout tokens are signed with the same (Back-Channel Logout section 2.6: a
 * client checks them as it checks ID tokens).
 */
export async function signingFor(
  { idTokenAlgorithm }: Pick<Client, 'idTokenAlgorithm'>,
  signer: Pick<Signer, 'current' | 'sign'>,
): Promise<ClientSigning> {
  const purpose = purposes[idTokenAlgorithm];
  const key = await signer.current(purpose);
  return { key, sign: async (data) => (await signer.sign(purpose, key.kid, data)).signature };
}

/** Signs ID tokens with the current key of the client's algorithm; the encoded header is made once for each key. */
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
