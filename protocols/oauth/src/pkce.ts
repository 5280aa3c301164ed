import { decodeBase64Url, equalInConstantTime, sha256Base64Url } from '@countersign/kernel';

/** RFC 7636 section 4.1. */
const verifierPattern = /^[A-Za-z0-9._~-]{43,128}$/;

/** RFC 7636 section 4.2: 32 octets in canonical base64url. */
export function isCodeChallenge(text: string): boolean {
  return text.length === 43 && decodeBase64Url(text) !== undefined;
}

/**
 * RFC 7636 section 4.6. Not `plain`: anyone who reads the authorization request would have the verifier (FAPI 2.0
 * section 5.3.2.2).
 */
export function verifyCodeChallenge(verifier: string, challenge: string): boolean {
  return (
    verifierPattern.test(verifier) &&
    isCodeChallenge(challenge) &&
    equalInConstantTime(sha256Base64Url(verifier), challenge)
  );
}
