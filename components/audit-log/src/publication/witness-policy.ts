import { auditLogErrors } from '@countersign/contracts';
import {
  describeQuorum,
  meetsQuorum,
  type PolicyWitness,
  parsePolicy,
  type TlogPolicy,
  type VerifierKey,
} from '@countersign/merkle-log';

export interface ReachableWitness {
  readonly witness: PolicyWitness;
  readonly url: string;
}

/**
 * @param keys the log's, past and present: if the policy lists logs, one must be among them. What the log signs itself is checked by its
 * own keys, so the list of logs is dropped. @throws CodedError `log_policy_unusable`
 */
export function readWitnessPolicy(
  text: string,
  keys: readonly VerifierKey[],
): { readonly policy: TlogPolicy; readonly reachable: readonly ReachableWitness[] } {
  const parsed = parsePolicy(text);
  if (!parsed.ok)
    throw auditLogErrors.error(
      'log_policy_unusable',
      `The policy of witnesses cannot be read: ${parsed.reason} in line ${parsed.line}.`,
    );
  const { policy } = parsed;
  const listed = policy.logs.some((log) =>
    keys.some((key) => log.key.name === key.name && Buffer.compare(log.key.publicKey, key.publicKey) === 0),
  );
  if (policy.logs.length > 0 && !listed)
    throw auditLogErrors.error('log_policy_unusable', 'The policy of witnesses lists logs, and this log is not one.');
  const reachable = policy.witnesses.flatMap((witness) =>
    witness.url === undefined ? [] : [{ witness, url: witness.url }],
  );
  if (
    !meetsQuorum(
      policy.quorum,
      reachable.map(({ witness }) => witness.key),
    )
  )
    throw auditLogErrors.error(
      'log_policy_unusable',
      `The witnesses of the policy that have an address cannot meet its quorum: ${describeQuorum(policy.quorum)}.`,
    );
  return { policy: { ...policy, logs: [] }, reachable };
}
