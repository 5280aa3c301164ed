import { type Checkpoint, verifyConsistency } from '@countersign/merkle-log';
import type { Evidence } from '../evidence.ts';
import { openCheckpoint, treeHeadOf } from '../log-key.ts';
import { type Check, conclude, type Finding, failed, finding, notChecked } from './check.ts';

/** A log can sign a rewritten history, but not extend the tree of a kept checkpoint (RFC 6962 section 2.1.2). */
export const logOnlyGrew: Check = {
  id: 'log-growth',
  title: 'The log only grew since the checkpoint the reader holds',
  run(evidence) {
    const head = treeHeadOf(evidence);
    const { bundle, trust } = evidence;
    if (bundle.consistency === undefined && trust.checkpoint === undefined)
      return notChecked('No earlier checkpoint was given to compare with.');
    if (head === undefined)
      return failed({ code: 'log_growth_unproven', detail: 'Without a signed checkpoint growth cannot be checked.' });
    const offered = bundle.consistency === undefined ? [] : checkOffered(evidence, bundle.consistency, head);
    if (trust.checkpoint === undefined)
      return offered.length > 0
        ? failed(...offered)
        : notChecked(
            `The tree of ${head.size} records extends the earlier one that the bundle brings. You hold none to compare with.`,
          );
    const held = openCheckpoint(evidence, trust.checkpoint);
    const findings = [...offered, ...checkHeld(evidence, trust.checkpoint, head)];
    if (findings.length === 0 && held.ok && held.checkpoint.size === 0n)
      return notChecked('The checkpoint that you hold is of an empty tree, which every tree extends.');
    const earlier = held.ok ? held.checkpoint.size : 0n;
    return conclude(
      findings,
      `The tree of ${head.size} records extends the ${earlier} of the checkpoint that you hold.`,
    );
  },
};

function checkOffered(
  evidence: Evidence,
  offered: NonNullable<Evidence['bundle']['consistency']>,
  head: Checkpoint,
): readonly Finding[] {
  const earlier = openCheckpoint(evidence, offered.checkpoint);
  if (!earlier.ok)
    return [
      finding(
        'checkpoint_signature',
        `The earlier checkpoint in the bundle is not signed by the log (${earlier.reason}).`,
      ),
    ];
  const proof = offered.proof.map((hash) => Buffer.from(hash, 'base64url'));
  return extendsTree(earlier.checkpoint, head, proof) ? [] : [rewritten(earlier.checkpoint, head)];
}

/** The bundle's proof must start from the checkpoint that the reader kept. */
function checkHeld(evidence: Evidence, note: string, head: Checkpoint): readonly Finding[] {
  const held = openCheckpoint(evidence, note);
  if (!held.ok)
    return [
      finding('log_key_mismatch', `The checkpoint the reader holds is not signed by this log key (${held.reason}).`),
    ];
  if (held.checkpoint.size === 0n) return [];
  if (held.checkpoint.size === head.size)
    return sameTree(held.checkpoint, head) ? [] : [rewritten(held.checkpoint, head)];
  const { consistency } = evidence.bundle;
  const offered = consistency === undefined ? undefined : openCheckpoint(evidence, consistency.checkpoint);
  if (offered?.ok === true && offered.checkpoint.size === held.checkpoint.size)
    // Two roots of one size are a fork, whatever the proof says.
    return sameTree(offered.checkpoint, held.checkpoint) ? [] : [rewritten(held.checkpoint, head)];
  if (consistency !== undefined && held.checkpoint.size < head.size) {
    // The proof may start from the reader's tree although the note beside it does not.
    const proof = consistency.proof.map((hash) => Buffer.from(hash, 'base64url'));
    if (extendsTree(held.checkpoint, head, proof)) return [];
  }
  return [
    finding(
      'log_growth_unproven',
      `The bundle has no proof from the checkpoint of ${held.checkpoint.size} records that the reader holds to its own of ${head.size}.`,
    ),
  ];
}

function extendsTree(from: Checkpoint, to: Checkpoint, proof: readonly Uint8Array[]): boolean {
  // Every tree extends the empty one.
  if (from.size === 0n) return proof.length === 0;
  return verifyConsistency({ from: from.size, to: to.size, fromRoot: from.root, toRoot: to.root, proof }).ok;
}

function sameTree(a: Checkpoint, b: Checkpoint): boolean {
  return a.size === b.size && Buffer.compare(a.root, b.root) === 0;
}

function rewritten(earlier: Checkpoint, head: Checkpoint): Finding {
  return finding(
    'log_rewritten',
    `The tree of ${head.size} records does not extend the tree of ${earlier.size} that the log signed before: its history was changed.`,
  );
}
