import type { PolicyBundle, PolicyTestReport } from '@countersign/contracts';
import type { Digest } from '@countersign/kernel';
import { loadBundleAside } from '../bundle/load-aside.ts';
import { foreignFault } from '../bundle/parts.ts';
import { runPolicyTestsInTurns } from '../policy-tests/run-tests.ts';

interface ValidatedBundle {
  readonly hash: Digest;
  readonly policies: readonly { readonly id: string; readonly effect: 'permit' | 'forbid' }[];
  readonly limits: readonly string[];
  readonly applications: readonly string[];
  /** Warnings of the validator, such as a policy that can never apply. */
  readonly warnings: readonly { readonly policyId?: string; readonly message: string }[];
  readonly tests: PolicyTestReport;
}

/** Stores nothing. @throws CodedError `policy_invalid` with every problem */
export async function validateBundle(bundle: PolicyBundle): Promise<ValidatedBundle> {
  const loaded = await loadBundleAside(bundle);
  const foreign = foreignFault(loaded);
  if (foreign !== undefined) throw foreign;
  return {
    hash: loaded.hash,
    policies: loaded.parsed.policies.map(({ id, effect }) => ({ id, effect })),
    limits: loaded.limits.map(({ id }) => id),
    applications: [...loaded.applications.keys()],
    warnings: loaded.parsed.warnings.map(({ policyId, message }) => ({
      ...(policyId === undefined ? {} : { policyId }),
      message,
    })),
    tests: await runPolicyTestsInTurns(loaded),
  };
}
