import type { Mandate, MandatePart, MandateParty, MandateTerms } from '@countersign/contracts';
import { type Digest, defined, digestOf, type MandateId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';

/** Proposed terms, whose parent version has not been looked up yet. */
export type ProposedTerms = Omit<MandateTerms, 'parent'> & { readonly parent?: MandateId };

interface PartyInPart extends MandateParty {
  readonly part: MandatePart;
}

export function termsOf(mandate: MandateTerms): MandateTerms {
  return {
    kind: mandate.kind,
    grantor: mandate.grantor,
    grantee: mandate.grantee,
    ...defined({ thirdParty: mandate.thirdParty, parent: mandate.parent }),
    constraints: mandate.constraints,
    legalBasis: mandate.legalBasis,
    termsHash: mandate.termsHash,
    effectiveFrom: mandate.effectiveFrom,
    effectiveUntil: mandate.effectiveUntil,
  };
}

/** The digest that a consent names, over all terms. */
export function termsDigestOf(terms: MandateTerms): Digest {
  return digestOf(termsOf(terms));
}

/** Whether two terms are equal, apart from the version of the parent. */
export function areSameTerms(one: MandateTerms, other: MandateTerms): boolean {
  const alone = ({ parent: _parent, ...terms }: MandateTerms) => termsDigestOf(terms);
  return alone(one) === alone(other) && one.parent?.id === other.parent?.id;
}

export function partiesOf({
  grantor,
  grantee,
  thirdParty,
}: Pick<MandateTerms, 'grantor' | 'grantee' | 'thirdParty'>): readonly PartyInPart[] {
  return [
    { part: 'grantor', ...grantor },
    { part: 'grantee', ...grantee },
    ...(thirdParty === undefined ? [] : [{ part: 'thirdParty' as const, ...thirdParty }]),
  ];
}

/** Whether a sub-mandate was granted by the present holder of its parent, who has held it continuously since then. */
export function isCutByHolder(
  { grantor, parent }: Pick<MandateTerms, 'grantor' | 'parent'>,
  above: Pick<Mandate, 'grantee' | 'heldFrom'>,
): boolean {
  return above.grantee.lei === grantor.lei && (parent?.version ?? 0) >= (above.heldFrom ?? 0);
}

/** The parties of a mandate, including those that its pending amendment would add. */
export function concernedBy(
  mandate: MandateTerms & { readonly amendment?: { readonly terms: MandateTerms } },
): ReadonlySet<Lei> {
  const proposed = mandate.amendment === undefined ? [] : partiesOf(mandate.amendment.terms);
  return new Set([...partiesOf(mandate), ...proposed].map(({ lei }) => lei));
}
