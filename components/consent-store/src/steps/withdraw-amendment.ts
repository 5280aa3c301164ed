import { consentErrors, type Mandate } from '@countersign/contracts';
import { steps } from '../life-cycle.ts';
import { nextVersion, seal } from '../mandate-document.ts';
import { signatoryFor } from '../signatory.ts';
import { concernedBy, termsDigestOf } from '../terms.ts';
import {
  known,
  type ReasonedStep,
  refusalOf,
  type Step,
  type StepContext,
  saying,
  sound,
  stepOf,
  toTake,
} from './step.ts';

export function createWithdrawAmendment(context: StepContext): Step<ReasonedStep, { readonly head: Mandate }> {
  return {
    ...stepOf(context),
    refused: refusalOf(context, 'withdraw-amendment'),
    async facts(session, given) {
      const head = known(given);
      const before =
        head.amendment === undefined ? await context.unitOn(session).version(head.id, head.version - 1) : undefined;
      sound(signatoryFor(context.directory(), given.ask.by, [...concernedBy(before ?? head)]));
      if (head.amendment !== undefined) return { head };
      const withdrawn =
        before?.amendment !== undefined &&
        before.status === head.status &&
        termsDigestOf(before) === termsDigestOf(head);
      if (withdrawn) return { made: head };
      throw consentErrors.error('amendment_not_found', 'The mandate has no pending amendment.');
    },
    check: async () => undefined,
    next: ({ facts, now }, recordId) =>
      seal(nextVersion(toTake(facts).head, { amendment: 'none' }, { recordId, at: now }), context.signer),
    record: ({ ask: { by, reason }, facts }, next) =>
      saying(steps.withdrawAmendment.record, next, {
        by,
        references: [toTake(facts).head.recordId],
        data: { reason },
      }),
  };
}
