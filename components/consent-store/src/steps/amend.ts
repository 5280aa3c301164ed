import { type ConsentStore, consentErrors, type Mandate } from '@countersign/contracts';
import { digestOf, type Json, toInstant } from '@countersign/kernel';
import { amendedTerms, parseChange } from '../amendment-proposal.ts';
import { consentFrom } from '../consents.ts';
import { steps } from '../life-cycle.ts';
import { nextVersion } from '../mandate-document.ts';
import { authorityFault, type Signatory, signatoryFor } from '../signatory.ts';
import type { Unit } from '../store/unit.ts';
import { areSameTerms, partiesOf, termsDigestOf } from '../terms.ts';
import { amendmentFault } from './amendment-fault.ts';
import { earlierResult } from './propose.ts';
import { lockedHead, requireIdempotencyKey, type StepContext, stateFault } from './step-context.ts';

/** Proposes other terms for a mandate that stands; what was agreed stays in force until everybody has consented. */
export function createAmend(context: StepContext): ConsentStore['amend'] {
  return async (id, proposal, by, idempotencyKey) => {
    requireIdempotencyKey(idempotencyKey);
    const change = parseChange(proposal);
    const bodyDigest = digestOf({ mandate: id, change });
    return context.store.inUnit(async (unit) => {
      const { head, about } = await lockedHead(unit, id, 'amend');
      const snapshot = context.directory();
      const parties = partiesOf(head);
      const found = signatoryFor(
        snapshot,
        by,
        parties.map(({ lei }) => lei),
      );
      if ('fault' in found) return context.refuse(found.fault, by, about);
      const { signatory } = found;
      const repeated = await isRecordedBefore(unit, head, change, signatory);
      const claim = await unit.claimAmendment({
        institution: signatory.institution,
        key: idempotencyKey,
        bodyDigest,
        mandate: id,
        version: repeated ? head.version : head.version + 1,
      });
      if (claim !== 'claimed') return earlierResult(unit, claim, bodyDigest);
      if (repeated) return head;
      const misplaced = stateFault('amend', head, steps.amend.from);
      if (misplaced !== undefined) return context.refuse(misplaced, by, about);
      if (head.amendment !== undefined)
        return context.refuse(
          consentErrors.error(
            'amendment_pending',
            `The amendment proposed at ${head.amendment.proposedAt} waits for consents.`,
          ),
          by,
          about,
        );
      const checked = await amendmentFault(context, unit, head, amendedTerms(head, change), {
        when: 'proposed',
        asker: signatory.institution,
      });
      if ('fault' in checked) {
        const data = { step: 'amend', facts: (checked.fault.facts ?? {}) as Json };
        return context.refuse(checked.fault, by, { ...about, data });
      }
      const { terms } = checked;
      const beyond = authorityFault(signatory, terms);
      if (beyond !== undefined) return context.refuse(beyond, by, about);
      const part = parties.find(({ lei }) => lei === signatory.institution)?.part;
      if (part === undefined) throw new Error('a signatory was found for an institution that has no part');
      const recording = context.recording(head);
      const amendment = {
        kind: change.kind,
        terms,
        termsDigest: termsDigestOf(terms),
        consents: [consentFrom(signatory, { part, lei: signatory.institution }, terms, recording)],
        proposedAt: toInstant(recording.at),
        recordId: recording.recordId,
      };
      return context.write(unit, nextVersion(head, { amendment }, recording), {
        type: steps.amend.record,
        by,
        references: [head.recordId, ...checked.references],
      });
    });
  };
}

/** Whether the amendment that waits is this one, by a process that died before it had kept under which key. */
async function isRecordedBefore(
  unit: Unit,
  head: Mandate,
  change: ReturnType<typeof parseChange>,
  { id }: Signatory,
): Promise<boolean> {
  const { amendment } = head;
  return (
    amendment !== undefined &&
    amendment.recordId === head.recordId &&
    amendment.consents[0]?.signatory === id &&
    areSameTerms(amendment.terms, amendedTerms(head, change)) &&
    !(await unit.hasAmendmentKey(head.id, head.version))
  );
}
