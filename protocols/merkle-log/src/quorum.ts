import { unreachable } from '@countersign/kernel';
import { type CheckpointVerdict, parseCheckpoint, verifyCheckpoint } from './checkpoint.ts';
import type { Quorum, TlogPolicy } from './policy.ts';
import { parseNote } from './signed-note.ts';
import type { VerifierKey } from './verifier-key.ts';

/** C2SP tlog-policy, "Defining the quorum". @param cosigners keys with verified cosignatures */
export function meetsQuorum(quorum: Quorum, cosigners: readonly VerifierKey[]): boolean {
  switch (quorum.kind) {
    case 'none':
      return true;
    case 'witness': {
      const { key } = quorum.witness;
      return cosigners.some(
        (cosigner) =>
          cosigner.type === key.type &&
          cosigner.name === key.name &&
          Buffer.compare(cosigner.publicKey, key.publicKey) === 0,
      );
    }
    case 'group':
      return quorum.members.filter((member) => meetsQuorum(member, cosigners)).length >= quorum.threshold;
    default:
      return unreachable(quorum);
  }
}

/** For people, e.g. `2 of (X1, X2, all of (Y1, Y2))`. */
export function describeQuorum(quorum: Quorum): string {
  switch (quorum.kind) {
    case 'none':
      return 'none';
    case 'witness':
      return quorum.witness.name;
    case 'group': {
      const { threshold, members } = quorum;
      const count = threshold === members.length ? 'all' : threshold.toString();
      return `${count} of (${members.map(describeQuorum).join(', ')})`;
    }
    default:
      return unreachable(quorum);
  }
}

export type PolicyVerdict =
  | Extract<CheckpointVerdict, { ok: true }>
  | {
      readonly ok: false;
      readonly reason: Extract<CheckpointVerdict, { ok: false }>['reason'] | 'unknown_log' | 'quorum_not_met';
    };

/** Verifies log signature and quorum. A policy without logs uses `logKeys`. */
export function verifyByPolicy(claim: {
  readonly signedNote: Uint8Array | string;
  readonly policy: TlogPolicy;
  readonly logKeys?: readonly VerifierKey[];
}): PolicyVerdict {
  const { signedNote, policy } = claim;
  const parsed = parseNote(signedNote);
  if (!parsed.ok) return parsed;
  const said = parseCheckpoint(parsed.note.text);
  if (!said.ok) return said;
  const { origin } = said.checkpoint;
  const known = policy.logs.length > 0 ? policy.logs.map(({ key }) => key) : (claim.logKeys ?? []);
  const logKeys = known.filter(({ name }) => name === origin);
  if (logKeys.length === 0) return { ok: false, reason: 'unknown_log' };
  const verdict = verifyCheckpoint({
    signedNote,
    origin,
    logKeys,
    witnessKeys: policy.witnesses.map(({ key }) => key),
  });
  if (!verdict.ok) return verdict;
  const cosigners = verdict.cosignatures.map(({ key }) => key);
  return meetsQuorum(policy.quorum, cosigners) ? verdict : { ok: false, reason: 'quorum_not_met' };
}
