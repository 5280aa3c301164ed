import {
  type Actor,
  type ConsentStore,
  consentErrors,
  type Mandate,
  type MandateConsent,
  type MandateTerms,
} from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { consentOf, missingConsents, wantedForAmendment } from '../consents.ts';
import { steps } from '../life-cycle.ts';
import { nextVersion } from '../mandate-document.ts';
import { signatoryFor } from '../signatory.ts';
import { concernedBy, partiesOf, termsDigestOf } from '../terms.ts';
import { amendmentFault } from './amendment-fault.ts';
import { lockedHead, type RefusedStep, type StepContext, stateFault } from './step-context.ts';

/** Consents to an amendment; with the last consent its terms are the mandate's. */
export function createAcceptAmendment(context: StepContext): ConsentStore['acceptAmendment'] {
  return (id, { termsDigest }, by) =>
    context.store.inUnit(async (unit) => {
      const { head, about } = await lockedHead(unit, id, 'accept-amendment');
      const { amendment } = head;
      if (amendment === undefined) return withoutAmendment(context, head, termsDigest, by, about);
      const snapshot = context.directory();
      const { terms, consents } = amendment;
      const said = { wanted: wantedForAmendment(head, terms, snapshot), terms, consents };
      const recording = context.recording(head);
      const given = consentOf(by, said, consents, snapshot, recording);
      if (typeof given === 'object' && 'fault' in given) return context.refuse(given.fault, by, about);
      if (termsDigest !== amendment.termsDigest)
        return context.refuse(
          consentErrors.error('terms_hash_mismatch', 'The terms named are not those of the amendment that waits.'),
          by,
          about,
        );
      if (given === 'repeated') return head;
      const misplaced = stateFault('accept-amendment', head, steps.acceptAmendment.from);
      if (misplaced !== undefined) return context.refuse(misplaced, by, about);
      const checked = await amendmentFault(context, unit, head, terms, { when: 'agreed', asker: given.consent.lei });
      if ('fault' in checked) return context.refuse(checked.fault, by, about);

      const all = [...consents, given.consent];
      if (missingConsents({ ...said, consents: all }, snapshot).length > 0)
        return context.write(unit, nextVersion(head, { amendment: { ...amendment, consents: all } }, recording), {
          type: steps.consentToAmendment.record,
          by,
          references: [head.recordId],
        });
      // The terms as they were consented to, to the letter: with the parent at the version that was checked then.
      const next = nextVersion(head, { terms, consents: all, amendment: 'none' }, recording);
      return context.write(unit, next, {
        type: steps.acceptAmendment.record,
        by,
        references: [head.recordId, ...checked.references],
        data: replacedBy(head, terms, all),
      });
    });
}

/** Once it has become the mandate's own, consenting to it again changes nothing; to any other there is nothing to say. */
async function withoutAmendment(
  context: StepContext,
  head: Mandate,
  termsDigest: string,
  by: Actor,
  about: RefusedStep,
): Promise<Mandate> {
  const party = signatoryFor(context.directory(), by, [...concernedBy(head), ...head.consents.map(({ lei }) => lei)]);
  if ('fault' in party) return context.refuse(party.fault, by, about);
  if (termsDigestOf(head) === termsDigest && head.consents.some(({ signatory }) => signatory === by.id)) return head;
  throw consentErrors.error('amendment_not_found', 'There is no amendment that waits for consents.');
}

/** Who left, where somebody did; and whether they were asked. */
function replacedBy(
  head: Mandate,
  terms: MandateTerms,
  consents: readonly MandateConsent[],
): { readonly [name: string]: Json } {
  const left = partiesOf(head).filter(({ part, lei }) => terms[part]?.lei !== lei);
  if (left.length === 0) return {};
  return {
    replaced: left.map(({ part, lei }) => ({
      part,
      lei,
      succession: !consents.some((consent) => consent.lei === lei),
    })),
  };
}
