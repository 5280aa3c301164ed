import { describeQuorum, parsePolicy, verifyByPolicy } from '@countersign/merkle-log';
import { logKeyOf } from '../log-key.ts';
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
    const key = logKeyOf(evidence);
    const verdict = verifyByPolicy({
      signedNote: bundle.checkpoint,
      policy: parsed.policy,
      logKeys: key === undefined ? [] : [key],
    });
    const quorum = describeQuorum(parsed.policy.quorum);
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
