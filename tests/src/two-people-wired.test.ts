import type { CertificateAuthorityDependencies } from '@countersign/certificate-authority';
import type { DirectoryDependencies } from '@countersign/directory';
import type { PolicyEngineDependencies } from '@countersign/policy-engine';
import type { RetentionDependencies } from '@countersign/retention';
import type { WorkloadIdentityDependencies } from '@countersign/workload-identity';
import { expectTypeOf, it } from 'vitest';

// Checked when the tests are compiled (`npm run check`): a rule that is not wired would pass silently.

type SecondPersonRule = 'independence' | 'proposerStanding';

/** The rules without which a component can be made. */
type LeftOut<Dependencies extends Partial<Record<SecondPersonRule, unknown>>> = {
  [Rule in SecondPersonRule]: undefined extends Dependencies[Rule] ? Rule : never;
}[SecondPersonRule];

it('nothing that two people decide is opened without the rules for the second of them', () => {
  expectTypeOf<LeftOut<CertificateAuthorityDependencies>>().toBeNever();
  expectTypeOf<LeftOut<DirectoryDependencies>>().toBeNever();
  expectTypeOf<LeftOut<PolicyEngineDependencies>>().toBeNever();
  expectTypeOf<LeftOut<RetentionDependencies>>().toBeNever();
  expectTypeOf<LeftOut<WorkloadIdentityDependencies>>().toBeNever();
});
