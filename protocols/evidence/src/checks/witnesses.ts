import {
  describeQuorum,
  parsePolicy,
  type TlogPolicy,
  type VerifierKey,
  verifyByPolicy,
} from '@countersign/merkle-log';
import type { Evidence } from '../evidence.ts';
import { isSameKey, type VerifiedHandover } from '../key-handover.ts';
import { logKeyOf, successionOf, treeHeadOf } from '../log-key.ts';
import { type Check, failed, finding, notChecked } from './check.ts';

/** A log can show two trees to two readers, but witnesses cosign only one. */
export const witnessesCosigned: Check = {
  id: 'witnesses',
  title: 'The checkpoint is cosigned as the reader requires',
  run(evidence) {
    const { bundle, trust } = evidence;
    if (trust.policy === undefined) return notChecked('No policy was given, so no cosignature was asked for.');
    const parsed = parsePolicy(trust.policy);
    if (!parsed.ok)
      return failed(
        finding('witness_policy_malformed', `The policy given cannot be used: ${parsed.reason}, line ${parsed.line}.`),
      );
    const { policy, logKeys } = policyOverKeys(evidence, parsed.policy);
    const quorum = describeQuorum(policy.quorum);
    const unwitnessed = handoversAfterTrusted(evidence).find(
      ({ checkpoint }) => !verifyByPolicy({ signedNote: checkpoint, policy, logKeys }).ok,
    );
    if (unwitnessed !== undefined)
      return failed(
        finding(
          'witness_quorum_missing',
          `Too few of the witnesses asked for have cosigned the handover to the next log key at ${unwitnessed.size} records: ${quorum}.`,
        ),
      );
    const verdict = verifyByPolicy({ signedNote: bundle.checkpoint, policy, logKeys });
    if (verdict.ok)
      return {
        ok: true,
        // The policy may require no witness.
        checked: verdict.cosignatures.length > 0,
        detail: `Asked for ${quorum}; cosigned by ${verdict.cosignatures.map(({ key }) => key.name).join(', ') || 'nobody'}.`,
      };
    switch (verdict.reason) {
      case 'quorum_not_met':
        return failed(
          finding('witness_quorum_missing', `Too few of the witnesses asked for have cosigned: ${quorum}.`),
        );
      case 'bad_signature':
        return failed(
          finding('witness_signature', 'A cosignature in the name of a witness, or of the log, is not genuine.'),
        );
      case 'unknown_log':
        return failed(finding('log_key_mismatch', 'The given policy is for other logs than that of the bundle.'));
      default:
        return failed(
          finding('witness_quorum_missing', `The checkpoint cannot be read as one of the log (${verdict.reason}).`),
        );
    }
  },
};

/** A policy that names an earlier key of the log also covers the keys to which it was handed over. */
function policyOverKeys(
  evidence: Evidence,
  policy: TlogPolicy,
): { readonly policy: TlogPolicy; readonly logKeys: readonly VerifierKey[] } {
  const key = logKeyOf(evidence);
  const succession = successionOf(evidence);
  const isNamed = policy.logs.length === 0 || policy.logs.some((log) => key !== undefined && isSameKey(log.key, key));
  if (!isNamed || !succession.ok || succession.handovers.length === 0)
    return { policy, logKeys: key === undefined ? [] : [key] };
  return { policy: { ...policy, logs: [] }, logKeys: succession.periods.map((period) => period.key) };
}

/** An earlier key needs no witnesses: the key that the reader trusts signed that handover itself. */
function handoversAfterTrusted(evidence: Evidence): readonly VerifiedHandover[] {
  const key = logKeyOf(evidence);
  const head = treeHeadOf(evidence);
  const succession = successionOf(evidence);
  if (key === undefined || head === undefined || !succession.ok) return [];
  const first = succession.handovers.findIndex(({ from }) => isSameKey(from, key));
  return first < 0 ? [] : succession.handovers.slice(first).filter(({ size }) => size <= head.size);
}
