import type { Signer } from '@countersign/contracts';
import {
  accessTokenHash,
  type EncodedHeader,
  type IdTokenClaims,
  idTokenHeader,
  signIdToken,
} from '@countersign/oauth';

/** How long an ID token may be taken for news of a sign-in, in seconds. */
const idTokenLifetimeSeconds = 300;

/** What is said of a sign-in to the client that asked for it. */
export type SignInStatement = Omit<IdTokenClaims, 'iss' | 'iat' | 'exp' | 'at_hash'>;

export interface IdTokens {
  /** An ID token that names the access token it comes with. @param issuedAt seconds since the epoch */
  issue(statement: SignInStatement, accessToken: string, issuedAt: number): Promise<string>;
}

/** Signs ID tokens with the current key of their own purpose; the encoded header is made once for each key. */
export function createIdTokens(signer: Pick<Signer, 'current' | 'sign'>, issuer: string): IdTokens {
  let last: { readonly kid: string; readonly header: EncodedHeader } | undefined;
  return {
    async issue(statement, accessToken, issuedAt) {
      const key = await signer.current('id-token');
      if (last?.kid !== key.kid) last = { kid: key.kid, header: idTokenHeader(key) };
      const { kid, header } = last;
      const claims: IdTokenClaims = {
        iss: issuer,
        ...statement,
        iat: issuedAt,
        exp: issuedAt + idTokenLifetimeSeconds,
        at_hash: accessTokenHash(accessToken, key.algorithm),
      };
      return signIdToken(claims, header, async (data) => (await signer.sign('id-token', kid, data)).signature);
    },
  };
}
