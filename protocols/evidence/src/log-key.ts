import {
  type Checkpoint,
  type CheckpointVerdict,
  formatVerifierKey,
  parseCheckpoint,
  parseNote,
  parsePolicy,
  parseVerifierKey,
  type VerifierKey,
  verifyCheckpoint,
} from '@countersign/merkle-log';
import type { Evidence } from './evidence.ts';
import {
  type KeyHandover,
  keysAt,
  readHandoverRecord,
  readSuccession,
  type SuccessionVerdict,
} from './key-handover.ts';

type Asked = Pick<Evidence, 'bundle' | 'trust'>;

/** From the trusted inputs: given directly or in the witness policy. */
export function trustedLogKeyOf({ bundle, trust }: Asked): string | undefined {
  if (trust.logVerifierKey !== undefined) return trust.logVerifierKey;
  const parsed = trust.policy === undefined ? undefined : parsePolicy(trust.policy);
  const keys = parsed?.ok === true ? parsed.policy.logs.map(({ key }) => formatVerifierKey(key)) : [];
  // A policy may name several logs, and a log may have had several keys.
  const named = new Set(handoversOf({ bundle, trust }).flatMap((handover) => keysNamedBy(handover, bundle.log.origin)));
  return keys.find((key) => key === bundle.log.verifierKey) ?? keys.find((key) => named.has(key)) ?? keys[0];
}

/** The reader's key takes precedence, so that a bundle cannot supply the key that authenticates it. */
export function logKeyOf(asked: Asked): VerifierKey | undefined {
  const parsed = parseVerifierKey(trustedLogKeyOf(asked) ?? asked.bundle.log.verifierKey);
  // A witness's key (type 0x04) never signs the log's own checkpoints.
  return parsed.ok && parsed.key.type === 'ed25519' ? parsed.key : undefined;
}

/** Those of the bundle. The reader's own cover a bundle that is older than the last handover. */
export function handoversOf({ bundle, trust }: Asked): readonly KeyHandover[] {
  const own = bundle.handovers ?? [];
  const given = trust.handovers ?? [];
  return given.length > own.length ? given : own;
}

const successions = new WeakMap<Asked, SuccessionVerdict>();

/** The keys that the reader's key vouches for. */
export function successionOf(evidence: Asked): SuccessionVerdict {
  const known = successions.get(evidence);
  if (known !== undefined) return known;
  const trusted = logKeyOf(evidence);
  const found: SuccessionVerdict =
    trusted === undefined
      ? { ok: false, reason: 'There is no usable key to begin with.' }
      : readSuccession({ origin: evidence.bundle.log.origin, trusted, handovers: handoversOf(evidence) });
  successions.set(evidence, found);
  return found;
}

export function openCheckpoint(evidence: Evidence, signedNote: string): CheckpointVerdict {
  const key = logKeyOf(evidence);
  if (key === undefined) return { ok: false, reason: 'no_log_signature' };
  const { origin } = evidence.bundle.log;
  // A key may sign for two logs; its name says for which it is trusted.
  if (key.name !== origin) return { ok: false, reason: 'other_origin' };
  const succession = successionOf(evidence);
  const note = parseNote(signedNote);
  const said = note.ok ? parseCheckpoint(note.note.text) : undefined;
  const logKeys = succession.ok && said?.ok === true ? keysAt(succession, said.checkpoint.size) : [key];
  return verifyCheckpoint({ signedNote, origin, logKeys });
}

/** Undefined if the checkpoint is not the log's. */
export function treeHeadOf(evidence: Evidence): Checkpoint | undefined {
  const opened = openCheckpoint(evidence, evidence.bundle.checkpoint);
  return opened.ok ? opened.checkpoint : undefined;
}

function keysNamedBy({ leaf }: KeyHandover, origin: string): readonly string[] {
  const named = readHandoverRecord(Buffer.from(leaf, 'base64url'), origin);
  return named === undefined ? [] : [named.from, named.to].map(formatVerifierKey);
}
