import type { MandateStatus, RecordType } from '@countersign/contracts';

/** What a party can do to a mandate that was proposed: from where, to where, and who. */
export const steps = {
  accept: { from: ['proposed'], to: 'active', by: ['grantee'], record: 'mandate.accepted' },
  suspend: { from: ['active'], to: 'suspended', by: ['grantor'], record: 'mandate.suspended' },
  resume: { from: ['suspended'], to: 'active', by: ['grantor'], record: 'mandate.resumed' },
  revoke: {
    from: ['proposed', 'active', 'suspended'],
    to: 'revoked',
    by: ['grantor', 'grantee'],
    record: 'mandate.revoked',
  },
} as const satisfies Record<
  string,
  {
    readonly from: readonly MandateStatus[];
    readonly to: MandateStatus;
    readonly by: readonly ('grantor' | 'grantee')[];
    readonly record: RecordType;
  }
>;
export type StepName = keyof typeof steps;
