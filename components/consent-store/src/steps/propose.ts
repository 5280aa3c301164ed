import { type Actor, type ConsentStore, consentErrors, type Mandate, type MandateTerms } from '@countersign/contracts';
import { isCodedError, type Json, type MandateId } from '@countersign/kernel';
import { consentFrom } from '../consents.ts';
import { firstVersion } from '../mandate-document.ts';
import { parseProposal, proposalDigest } from '../proposal.ts';
import { authorityFault, institutionsFault, signatoryFor } from '../signatory.ts';
import type { EarlierUse, Unit } from '../store/unit.ts';
import { areSameTerms, type ProposedTerms, partiesOf } from '../terms.ts';
import { checkedParent } from './cut-from.ts';
import { requireIdempotencyKey, type StepContext } from './step-context.ts';

/** Proposes a mandate; the proposer's word is the first consent. */
export function createPropose(context: StepContext): ConsentStore['propose'] {
  return async (proposal, by, idempotencyKey) => {
    requireIdempotencyKey(idempotencyKey);
    const terms = parseProposal(proposal);
    const asked = {
      step: 'propose',
      grantor: terms.grantor.lei,
      grantee: terms.grantee.lei,
      ...(terms.parent === undefined ? {} : { parent: terms.parent }),
    };
    const snapshot = context.directory();
    const found = signatoryFor(snapshot, by, [terms.grantor.lei]);
    if ('fault' in found) return context.refuse(found.fault, by, { data: asked });
    const beyond = authorityFault(found.signatory, terms);
    if (beyond !== undefined) return context.refuse(beyond, by, { data: asked });
    const unfit = institutionsFault(snapshot, partiesOf(terms));
    if (unfit !== undefined) return context.refuse(unfit, by, { data: asked });

    const command = { proposed: idempotencyKey, grantor: terms.grantor.lei };
    const { recordId } = context.recordingOf(command);
    /** @param recorded what a process had recorded that died before it was kept */
    const make = (recorded?: MandateId) =>
      context.store.inUnit(async (unit) => {
        const id = recorded ?? context.newMandateId();
        const bodyDigest = proposalDigest(terms);
        const claim = await unit.claimProposal({
          grantor: terms.grantor.lei,
          key: idempotencyKey,
          bodyDigest,
          mandate: id,
        });
        if (claim !== 'claimed') return earlierResult(unit, claim, bodyDigest);
        const { agreed, references } = await withParent(context, unit, terms, by, asked);
        if (recorded !== undefined) return sameProposal(await unit.lock(recorded), agreed);
        const recording = context.recordingOf(command);
        const consent = consentFrom(found.signatory, { part: 'grantor', lei: terms.grantor.lei }, agreed, recording);
        const first = firstVersion(id, agreed, consent, recording);
        return context.write(unit, first, { type: 'mandate.proposed', by, references });
      });
    try {
      return await make();
    } catch (error) {
      const recorded = isCodedError(error, 'record_identity_taken') ? await context.mandateOf(recordId) : undefined;
      if (recorded === undefined) throw error;
      return make(recorded);
    }
  };
}

/** @throws CodedError `idempotency_conflict` where other terms were recorded under the key */
function sameProposal(recorded: Mandate | undefined, agreed: MandateTerms): Mandate {
  if (recorded === undefined || !areSameTerms(recorded, agreed))
    throw consentErrors.error('idempotency_conflict', 'This idempotency key was used for another request.');
  return recorded;
}

async function withParent(
  context: StepContext,
  unit: Unit,
  { parent, ...terms }: ProposedTerms,
  by: Actor,
  asked: Record<string, Json>,
): Promise<{ readonly agreed: MandateTerms; readonly references: readonly Mandate['recordId'][] }> {
  if (parent === undefined) return { agreed: terms, references: [] };
  const checked = await checkedParent(unit, parent, terms, terms.grantor.lei);
  if ('fault' in checked)
    return context.refuse(checked.fault, by, {
      data: { ...asked, facts: (checked.fault.facts ?? {}) as Json },
      ...(checked.mandate === undefined ? {} : { references: [checked.mandate.recordId] }),
    });
  return { agreed: { ...terms, parent: checked.reference }, references: [checked.mandate.recordId] };
}

/** What the key was used for, if it was used for the same. */
export async function earlierResult(unit: Unit, earlier: EarlierUse, bodyDigest: string): Promise<Mandate> {
  if (earlier.bodyDigest !== bodyDigest)
    throw consentErrors.error('idempotency_conflict', 'This idempotency key was used for another request.');
  const made = await unit.version(earlier.mandate, earlier.version);
  if (made === undefined) throw new Error('an idempotency key was kept without the version it made');
  return made;
}
