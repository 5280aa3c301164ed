import {
  type AmendmentProposal,
  type MandateAmendment,
  type MandatePart,
  type MandateParty,
  type MandateTerms,
  mandateParts,
} from '@countersign/contracts';
import { digestOf } from '@countersign/kernel';
import {
  invalid,
  readConstraints,
  readLegalBasis,
  readParty,
  readTermsHash,
  readTime,
  requireTermsThatFit,
} from './term-fields.ts';
import { termsOf } from './terms.ts';

/** A change that was read, not yet applied to the terms of any mandate. */
export interface Change {
  readonly kind: MandateAmendment['kind'];
  readonly terms: Partial<
    Pick<MandateTerms, 'constraints' | 'legalBasis' | 'termsHash' | 'effectiveFrom' | 'effectiveUntil'>
  >;
  readonly replace?: { readonly part: MandatePart; readonly by: MandateParty };
}

/**
 * Reads what an amendment changes.
 *
 * @throws CodedError `mandate_invalid`, with the field in `facts`
 */
export function parseChange(proposal: AmendmentProposal): Change {
  const { constraints, legalBasis, termsHash, effectiveFrom, effectiveUntil, replace } = proposal;
  const terms = {
    ...(constraints === undefined ? {} : { constraints: readConstraints(constraints) }),
    ...(legalBasis === undefined ? {} : { legalBasis: readLegalBasis(legalBasis) }),
    ...(termsHash === undefined ? {} : { termsHash: readTermsHash(termsHash) }),
    ...(effectiveFrom === undefined ? {} : { effectiveFrom: readTime('effectiveFrom', effectiveFrom) }),
    ...(effectiveUntil === undefined ? {} : { effectiveUntil: readTime('effectiveUntil', effectiveUntil) }),
  };
  if (replace === undefined) return { kind: 'amendment', terms };
  const part = mandateParts.find((known) => known === replace.part);
  if (part === undefined) throw invalid('replace.part', `It is one of ${mandateParts.join(', ')}.`);
  for (const field of ['constraints', 'effectiveFrom', 'effectiveUntil'] as const)
    if (proposal[field] !== undefined)
      throw invalid(field, 'With a party nothing is replaced but the legal basis and the terms hash.');
  return { kind: 'counterparty-change', terms, replace: { part, by: readParty('replace.by', replace.by) } };
}

/**
 * The terms as they would be.
 *
 * @throws CodedError `mandate_invalid` for a change that changes nothing, or does not fit what stays
 */
export function amendedTerms(present: MandateTerms, { terms, replace }: Change): MandateTerms {
  if (replace?.part === 'thirdParty' && present.thirdParty === undefined)
    throw invalid('replace.part', 'The mandate has no third party.');
  const amended = termsOf({ ...present, ...terms, ...(replace === undefined ? {} : { [replace.part]: replace.by }) });
  if (digestOf(amended) === digestOf(termsOf(present)))
    throw invalid('amendment', 'It changes nothing of what was agreed.');
  if (replace !== undefined && replace.by.lei === present[replace.part]?.lei)
    throw invalid('replace.by', 'A party is replaced by another institution.');
  requireTermsThatFit(amended);
  return amended;
}
