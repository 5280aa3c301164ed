import { parseVerifierKey, type VerifierKey } from '@countersign/merkle-log';
import type { Evidence } from './evidence.ts';

/**
 * The key that the log's signatures are checked with: the reader's own where there is one, so that a bundle
 * cannot bring the key that vouches for it.
 */
export function logKeyOf({ bundle, trust }: Pick<Evidence, 'bundle' | 'trust'>): VerifierKey | undefined {
  const parsed = parseVerifierKey(trust.logVerifierKey ?? bundle.log.verifierKey);
  // A witness's key (type 0x04) signs something else and never a log's head.
  return parsed.ok && parsed.key.type === 'ed25519' ? parsed.key : undefined;
}
