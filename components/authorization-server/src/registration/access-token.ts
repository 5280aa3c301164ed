import { equalInConstantTime, type Random, sha256 } from '@countersign/kernel';

/** So that one is known for what it is wherever it turns up: it is no access token of any interface. */
const prefix = 'csreg_';
const pattern = /^csreg_[\w-]{43}$/;

/** A registration access token (RFC 7592 section 3): 256 random bits. Only its hash is kept. */
export interface IssuedRegistrationToken {
  readonly token: string;
  readonly hash: Buffer;
}

export function issueRegistrationToken(random: Random): IssuedRegistrationToken {
  const token = prefix + Buffer.from(random.bytes(32)).toString('base64url');
  return { token, hash: sha256(token) };
}

export function matchesRegistrationToken(token: string, hash: Buffer): boolean {
  return pattern.test(token) && equalInConstantTime(sha256(token).toString('base64url'), hash.toString('base64url'));
}
