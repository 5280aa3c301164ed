import { type ConsentStore, consentErrors, type Mandate } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { consentOf, missingConsents, wantedFor } from '../consents.ts';
import { steps } from '../life-cycle.ts';
import { nextVersion } from '../mandate-document.ts';
import { institutionsFault, signatoryFor } from '../signatory.ts';
import type { Unit } from '../store/unit.ts';
import { partiesOf, termsOf } from '../terms.ts';
import { checkedParent } from './cut-from.ts';
import { lockedHead, type StepContext, stateFault } from './step-context.ts';

/** Consents to a proposed mandate; with the last consent it becomes active. */
export function createAccept(context: StepContext): ConsentStore['accept'] {
  return (id, { termsHash }, by) =>
    context.store.inUnit(async (unit) => {
      const { head, about } = await lockedHead(unit, id, 'accept');
      const snapshot = context.directory();
      const terms = termsOf(head);
      const said = { wanted: wantedFor(terms), terms, consents: head.consents };
      const leis = partiesOf(head).map(({ lei }) => lei);
      const { consents } = head;
      // Proposing is no acceptance: once the mandate stands, it is those who accepted it that can repeat themselves.
      const open = head.status === 'proposed' || consents.slice(1).some(({ signatory }) => signatory === by.id);
      const asked = open ? leis : leis.filter((lei) => lei !== head.grantor.lei);
      const party = signatoryFor(snapshot, by, asked);
      if ('fault' in party) return context.refuse(party.fault, by, about);
      const recording = context.recording(head);
      // The first consent is the proposer's.
      const given =
        head.status === 'proposed' ? consentOf(by, said, consents.slice(1), snapshot, recording) : undefined;
      if (typeof given === 'object' && 'fault' in given) return context.refuse(given.fault, by, about);
      if (termsHash !== head.termsHash)
        return context.refuse(
          consentErrors.error('terms_hash_mismatch', 'The terms named are not the terms of this mandate.'),
          by,
          about,
        );
      if (head.status === 'active' || given === 'repeated') return head;
      const misplaced = stateFault('accept', head, steps.accept.from);
      if (misplaced !== undefined || given === undefined)
        return context.refuse(misplaced ?? unexpectedState(head), by, about);
      const unacceptable = await acceptanceFault(context, unit, head, given.consent.lei);
      if (unacceptable !== undefined) return context.refuse(unacceptable, by, about);

      const all = [...consents, given.consent];
      const step = missingConsents({ ...said, consents: all }, snapshot).length === 0 ? steps.accept : steps.consent;
      const status = step === steps.accept ? step.to : head.status;
      return context.write(unit, nextVersion(head, { status, consents: all }, recording), {
        type: step.record,
        by,
        references: [head.recordId],
      });
    });
}

/** Between proposal and acceptance an institution may lose its registration, and the line above may end or narrow. */
async function acceptanceFault(
  context: StepContext,
  unit: Unit,
  head: Mandate,
  asker: Lei,
): Promise<CodedError | undefined> {
  if (context.now() >= Date.parse(head.effectiveUntil))
    return consentErrors.error('mandate_expired', `The proposal ran until ${head.effectiveUntil}.`);
  const unfit = institutionsFault(context.directory(), partiesOf(head));
  if (unfit !== undefined || head.parent === undefined) return unfit;
  const parent = await checkedParent(unit, head.parent.id, head, asker);
  return 'fault' in parent ? parent.fault : undefined;
}

function unexpectedState(head: Mandate): CodedError {
  return consentErrors.error('mandate_state', `A mandate that is ${head.status} takes no consent.`);
}
