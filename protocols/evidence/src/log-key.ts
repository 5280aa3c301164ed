import { formatVerifierKey, parsePolicy, parseVerifierKey, type VerifierKey } from '@countersign/merkle-log';
import type { Evidence } from './evidence.ts';

type Asked = Pick<Evidence, 'bundle' | 'trust'>;

/** The log's key as the reader has it: given by itself, or in the policy; undefined when the reader brings none. */
export function trustedLogKeyOf({ bundle, trust }: Asked): string | undefined {
  if (trust.logVerifierKey !== undefined) return trust.logVerifierKey;
  const parsed = trust.policy === undefined ? undefined : parsePolicy(trust.policy);
  const keys = parsed?.ok === true ? parsed.policy.logs.map(({ key }) => formatVerifierKey(key)) : [];
  // A policy may name several logs; one that does not name this one trusts another.
  return keys.find((key) => key === bundle.log.verifierKey) ?? keys[0];
}

/**
 * The key that the log's signatures are checked with: the reader's own where there is one, so that a bundle
 * cannot bring the key that vouches for it.
 */
export function logKeyOf(asked: Asked): VerifierKey | undefined {
  const parsed = parseVerifierKey(trustedLogKeyOf(asked) ?? asked.bundle.log.verifierKey);
  // A witness's key (type 0x04) signs something else and never a log's head.
  return parsed.ok && parsed.key.type === 'ed25519' ? parsed.key : undefined;
}
