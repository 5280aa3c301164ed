import { transactionStates } from '@countersign/contracts';
import { describe, expect, it } from 'vitest';
import { takesApprovalsIn } from '../../components/policy-engine/src/decision/find-remedies.ts';
import { mayRequireApprovals } from '../../components/transaction-registry/src/approvals/quorum.ts';
import { lifeCycles, nextSteps } from '../../components/transaction-registry/src/life-cycles/index.ts';

// A decision names a remedy only if somebody can still provide it: the registry knows when it accepts approvals.

describe('the policies and the life cycles', () => {
  it.each(Object.values(lifeCycles).map((cycle) => [cycle.name, cycle] as const))(
    'agree on when approvals are accepted for %s',
    (_, cycle) => {
      const taken = transactionStates.filter((state) =>
        nextSteps(cycle, state).some(({ rule }) => mayRequireApprovals(rule)),
      );
      const asked = transactionStates.filter((state) => takesApprovalsIn(cycle.intentType, state));
      expect(asked).toEqual(taken);
    },
  );
});
