import { decodeBase64Url, equalInConstantTime, sha256Base64Url } from '@countersign/kernel';

/** RFC 7636 section 4.1. */
const verifierPattern = /^[A-Za-z0-9._~-]{43,128}$/;

/** True for what `S256` can have made (RFC 7636 section 4.2): 32 octets in base64url, written in the one way there is. */
export function isCodeChallenge(text: string): boolean {
  return text.length === 43 && decodeBase64Url(text) !== undefined;
}

/**
 * Whether the code verifier is the one that the code challenge was made of (RFC 7636 section 4.6). `S256` is the only
 * method: with `plain`, whoever reads the authorization request holds the verifier (FAPI 2.0 section 5.3.2.2).
 */
export function verifyCodeChallenge(verifier: string, challenge: string): boolean {
  return (
    verifierPattern.test(verifier) &&
    isCodeChallenge(challenge) &&
    equalInConstantTime(sha256Base64Url(verifier), challenge)
  );
}
