import type { CertificateAuthorityDependencies } from '@countersign/certificate-authority';
import type { DirectoryDependencies } from '@countersign/directory';
import type { HaltDependencies } from '@countersign/halt';
import type { PolicyEngineDependencies } from '@countersign/policy-engine';
import type { RetentionDependencies } from '@countersign/retention';
import type { SecretsDependencies } from '@countersign/secrets';
import type { WorkloadIdentityDependencies } from '@countersign/workload-identity';
import { expectTypeOf, it } from 'vitest';

// Checked at compile time (`npm run check`): a rule that is not wired would pass silently.

type SecondPersonRule = 'independence' | 'proposerStanding';

/** The rules that a component can be created without. */
type LeftOut<Dependencies extends Partial<Record<SecondPersonRule, unknown>>> = {
  [Rule in SecondPersonRule]: undefined extends Dependencies[Rule] ? Rule : never;
}[SecondPersonRule];

it('every dual control is created with the rules for its second person', () => {
  expectTypeOf<LeftOut<CertificateAuthorityDependencies>>().toBeNever();
  expectTypeOf<LeftOut<DirectoryDependencies>>().toBeNever();
  expectTypeOf<LeftOut<PolicyEngineDependencies>>().toBeNever();
  expectTypeOf<LeftOut<RetentionDependencies>>().toBeNever();
  expectTypeOf<LeftOut<SecretsDependencies>>().toBeNever();
  expectTypeOf<LeftOut<WorkloadIdentityDependencies>>().toBeNever();
  expectTypeOf<LeftOut<HaltDependencies>>().toBeNever();
});
