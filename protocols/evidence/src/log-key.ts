import {
  type Checkpoint,
  type CheckpointVerdict,
  formatVerifierKey,
  parsePolicy,
  parseVerifierKey,
  type VerifierKey,
  verifyCheckpoint,
} from '@countersign/merkle-log';
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

export function openCheckpoint(evidence: Evidence, signedNote: string): CheckpointVerdict {
  const key = logKeyOf(evidence);
  if (key === undefined) return { ok: false, reason: 'no_log_signature' };
  const { origin } = evidence.bundle.log;
  // A key may sign for two logs; its name says for which it is trusted.
  if (key.name !== origin) return { ok: false, reason: 'other_origin' };
  return verifyCheckpoint({ signedNote, origin, logKeys: [key] });
}

/** Undefined if the checkpoint is not the log's. */
export function treeHeadOf(evidence: Evidence): Checkpoint | undefined {
  const opened = openCheckpoint(evidence, evidence.bundle.checkpoint);
  return opened.ok ? opened.checkpoint : undefined;
}
