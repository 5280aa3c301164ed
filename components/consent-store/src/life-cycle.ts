import { type MandatePart, type MandateStatus, mandateStatuses, type RecordType } from '@countersign/contracts';

interface Step {
  readonly from: readonly MandateStatus[];
  readonly to?: MandateStatus;
  /** Parts whose signatory takes the step; `incoming` is an institution that an amendment would bring in. */
  readonly by: readonly (MandatePart | 'incoming' | 'time')[];
  readonly record: RecordType;
}

const everyPart = ['grantor', 'grantee', 'thirdParty'] as const;
const unfinished = ['proposed', 'active', 'suspended'] as const;

export const steps = {
  consent: { from: ['proposed'], by: everyPart, record: 'mandate.consented' },
  accept: { from: ['proposed'], to: 'active', by: everyPart, record: 'mandate.accepted' },
  amend: { from: ['active', 'suspended'], by: everyPart, record: 'mandate.amendment-proposed' },
  consentToAmendment: {
    from: ['active', 'suspended'],
    by: [...everyPart, 'incoming'],
    record: 'mandate.consented',
  },
  acceptAmendment: { from: ['active', 'suspended'], by: [...everyPart, 'incoming'], record: 'mandate.amended' },
  withdrawAmendment: {
    from: ['active', 'suspended'],
    by: [...everyPart, 'incoming'],
    record: 'mandate.amendment-withdrawn',
  },
  suspend: { from: ['active'], to: 'suspended', by: ['grantor'], record: 'mandate.suspended' },
  resume: { from: ['suspended'], to: 'active', by: ['grantor'], record: 'mandate.resumed' },
  revoke: { from: unfinished, to: 'revoked', by: everyPart, record: 'mandate.revoked' },
  expire: { from: unfinished, to: 'expired', by: ['time'], record: 'mandate.expired' },
} as const satisfies Record<string, Step>;

export function isOver(status: MandateStatus): boolean {
  return status === 'revoked' || status === 'expired';
}

/** The life cycle of a mandate, generated from the rules, for the documentation. */
export interface DescribedLifeCycle {
  readonly name: string;
  readonly initial: MandateStatus;
  readonly states: readonly { readonly name: MandateStatus; readonly final: boolean }[];
  readonly steps: readonly {
    readonly name: string;
    readonly from: MandateStatus;
    readonly to: MandateStatus;
    readonly by: readonly string[];
  }[];
}

export function describeLifeCycle(): DescribedLifeCycle {
  const all: readonly (readonly [string, Step])[] = Object.entries(steps);
  return {
    name: 'mandate',
    initial: 'proposed',
    states: mandateStatuses.map((name) => ({ name, final: isOver(name) })),
    steps: all.flatMap(([name, { from, to, by }]) => from.map((state) => ({ name, from: state, to: to ?? state, by }))),
  };
}
