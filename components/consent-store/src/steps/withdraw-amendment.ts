import { type ConsentStore, consentErrors } from '@countersign/contracts';
import { steps } from '../life-cycle.ts';
import { nextVersion } from '../mandate-document.ts';
import { parseReason } from '../reason.ts';
import { signatoryFor } from '../signatory.ts';
import { concernedBy, termsDigestOf } from '../terms.ts';
import { lockedHead, type StepContext } from './step-context.ts';

/** Takes back an amendment that waits for consents. */
export function createWithdrawAmendment(context: StepContext): ConsentStore['withdrawAmendment'] {
  return async (id, by, given) => {
    const reason = parseReason(given);
    return context.store.inUnit(async (unit) => {
      const { head, about } = await lockedHead(unit, id, 'withdraw-amendment');
      const before = head.amendment === undefined ? await unit.version(id, head.version - 1) : undefined;
      const concerned = [...concernedBy(before ?? head)];
      const party = signatoryFor(context.directory(), by, concerned);
      if ('fault' in party) return context.refuse(party.fault, by, about);
      if (head.amendment === undefined) {
        const withdrawn =
          before?.amendment !== undefined &&
          before.status === head.status &&
          termsDigestOf(before) === termsDigestOf(head);
        if (withdrawn) return head;
        throw consentErrors.error('amendment_not_found', 'There is no amendment that waits for consents.');
      }
      return context.write(unit, nextVersion(head, { amendment: 'none' }, context.recording(head)), {
        type: steps.withdrawAmendment.record,
        by,
        references: [head.recordId],
        data: { reason },
      });
    });
  };
}
