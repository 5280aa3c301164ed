import type { Mandate } from '@countersign/contracts';
import type { MandateId } from '@countersign/kernel';
import { isOver, steps } from '../life-cycle.ts';
import { nextVersion, seal } from '../mandate-document.ts';
import { type Step, type StepContext, saying, stepOf, toTake } from './step.ts';

/** Expires a mandate whose time is over. Answers the expired version, or `nothing` if there was nothing to do. */
export function createExpire(
  context: StepContext,
): Step<{ readonly id: MandateId }, { readonly head: Mandate }, Mandate | 'nothing'> {
  return {
    ...stepOf(context),
    refused: () => undefined,
    async facts(_session, { row: head }) {
      if (head === undefined) throw new Error('an expiring mandate has no version');
      return { head };
    },
    done({ facts, now }) {
      const { status, effectiveUntil } = toTake(facts).head;
      return isOver(status) || now < Date.parse(effectiveUntil) ? 'nothing' : undefined;
    },
    check: async () => undefined,
    next: ({ facts, now }, recordId) =>
      seal(
        nextVersion(toTake(facts).head, { status: steps.expire.to, amendment: 'none' }, { recordId, at: now }),
        context.signer,
      ),
    record: ({ facts }, next) => saying(steps.expire.record, next, { references: [toTake(facts).head.recordId] }),
  };
}
