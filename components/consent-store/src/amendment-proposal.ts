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

export interface Change {
  readonly kind: MandateAmendment['kind'];
  readonly terms: Partial<
    Pick<MandateTerms, 'constraints' | 'legalBasis' | 'termsHash' | 'effectiveFrom' | 'effectiveUntil'>
  >;
  readonly replace?: { readonly part: MandatePart; readonly by: MandateParty };
}

/** @throws CodedError `mandate_invalid`, with the field in `facts` */
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
      throw invalid(field, 'A replacement of a party can only change the legal basis and the terms hash besides.');
  return { kind: 'counterparty-change', terms, replace: { part, by: readParty('replace.by', replace.by) } };
}

/**
 * Applies a change to terms.
 * @throws CodedError `mandate_invalid` for a change without effect, or one that contradicts the remaining terms
 */
export function amendedTerms(present: MandateTerms, { terms, replace }: Change): MandateTerms {
  if (replace?.part === 'thirdParty' && present.thirdParty === undefined)
    throw invalid('replace.part', 'The mandate has no third party.');
  const amended = termsOf({ ...present, ...terms, ...(replace === undefined ? {} : { [replace.part]: replace.by }) });
  if (digestOf(amended) === digestOf(termsOf(present)))
    throw invalid('amendment', 'The amendment changes none of the agreed terms.');
  if (replace !== undefined && replace.by.lei === present[replace.part]?.lei)
    throw invalid('replace.by', 'The replacement must be a different institution.');
  requireTermsThatFit(amended);
  return amended;
}
