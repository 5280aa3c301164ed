import { type Checkpoint, type CheckpointVerdict, verifyCheckpoint } from '@countersign/merkle-log';
import type { Evidence } from './evidence.ts';
import { logKeyOf } from './log-key.ts';

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
