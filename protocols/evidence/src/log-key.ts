import { formatVerifierKey, parsePolicy, parseVerifierKey, type VerifierKey } from '@countersign/merkle-log';
import type { Evidence } from './evidence.ts';

type Asked = Pick<Evidence, 'bundle' | 'trust'>;

/** From the trusted inputs: given directly or in the witness policy. */
export function trustedLogKeyOf({ bundle, trust }: Asked): string | undefined {
  if (trust.logVerifierKey !== undefined) return trust.logVerifierKey;
  const parsed = trust.policy === undefined ? undefined : parsePolicy(trust.policy);
  const keys = parsed?.ok === true ? parsed.policy.logs.map(({ key }) => formatVerifierKey(key)) : [];
  // A policy may name several logs.
  return keys.find((key) => key === bundle.log.verifierKey) ?? keys[0];
}

/** The reader's key takes precedence, so that a bundle cannot supply the key that authenticates it. */
export function logKeyOf(asked: Asked): VerifierKey | undefined {
  const parsed = parseVerifierKey(trustedLogKeyOf(asked) ?? asked.bundle.log.verifierKey);
  // A witness's key (type 0x04) never signs the log's own checkpoints.
  return parsed.ok && parsed.key.type === 'ed25519' ? parsed.key : undefined;
}
