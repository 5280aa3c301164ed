import type { Mandate, MandatePart, MandateParty, MandateTerms } from '@countersign/contracts';
import { type Digest, defined, digestOf, type MandateId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';

/** Terms as they are proposed: the version of the mandate they are cut from is not looked up yet. */
export type ProposedTerms = Omit<MandateTerms, 'parent'> & { readonly parent?: MandateId };

/** An institution in its part. */
interface PartyInPart extends MandateParty {
  readonly part: MandatePart;
}

/** The terms that a version holds, without what is said about the version. */
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

/** What a consent names: everything that the parties are bound by. */
export function termsDigestOf(terms: MandateTerms): Digest {
  return digestOf(termsOf(terms));
}

/** Whether both say the same; what they are cut from may have had another version then. */
export function areSameTerms(one: MandateTerms, other: MandateTerms): boolean {
  const alone = ({ parent: _parent, ...terms }: MandateTerms) => termsDigestOf(terms);
  return alone(one) === alone(other) && one.parent?.id === other.parent?.id;
}

/** Everybody who has a part, in the order of the parts. */
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

/**
 * Whether what is cut from a mandate, as it was at this version, was cut by whoever holds it now, and has held it ever
 * since: a word that was given while it was another's, or before it was, does not come back with them.
 */
export function isCutByHolder(
  { grantor, parent }: Pick<MandateTerms, 'grantor' | 'parent'>,
  above: Pick<Mandate, 'grantee' | 'heldFrom'>,
): boolean {
  return above.grantee.lei === grantor.lei && (parent?.version ?? 0) >= (above.heldFrom ?? 0);
}

/** Institutions that a mandate concerns: those who have a part, and those who would have one. */
export function concernedBy(
  mandate: MandateTerms & { readonly amendment?: { readonly terms: MandateTerms } },
): ReadonlySet<Lei> {
  const proposed = mandate.amendment === undefined ? [] : partiesOf(mandate.amendment.terms);
  return new Set([...partiesOf(mandate), ...proposed].map(({ lei }) => lei));
}
