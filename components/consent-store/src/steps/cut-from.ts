import { consentErrors, type Mandate, type MandateKind, type MandateTerms } from '@countersign/contracts';
import type { CodedError, MandateId } from '@countersign/kernel';
import { type Lei, narrowConstraints } from '@countersign/market';
import type { Unit } from '../store/unit.ts';
import { concernedBy, isCutByHolder } from '../terms.ts';

const canBeCut: readonly MandateKind[] = ['mandate', 'standing-authority', 'tri-party-rule'];

type CutTerms = Pick<MandateTerms, 'grantor' | 'constraints' | 'effectiveFrom' | 'effectiveUntil'> & {
  /** The parent at the time of the proposal, when checking a consent. */
  readonly parent?: NonNullable<MandateTerms['parent']>;
};

export interface CheckedParent {
  readonly reference: NonNullable<MandateTerms['parent']>;
  readonly mandate: Mandate;
}

/**
 * Checks whether a sub-mandate with these terms may be cut from `id`. All mandates above must be active.
 * @param asker the institution that sees a refusal
 * @returns the checked parent, or the fault with the parent if it exists
 */
export async function checkedParent(
  unit: Unit,
  id: MandateId,
  terms: CutTerms,
  asker: Lei,
): Promise<CheckedParent | { readonly fault: CodedError; readonly mandate?: Mandate }> {
  const parent = await unit.lock(id);
  if (parent === undefined)
    return { fault: consentErrors.error('mandate_not_found', 'The parent mandate does not exist.') };
  const fault = cutFault(parent, await endedIn(unit, parent), terms);
  if (fault !== undefined) return { fault: faultFor(asker, parent, fault), mandate: parent };
  return { mandate: parent, reference: { id: parent.id, version: parent.version, digest: parent.digest } };
}

/** The fault that the asker may see: a counterexample reveals a limit, so only parties of the parent get it. */
function faultFor(asker: Lei, parent: Mandate, fault: CodedError): CodedError {
  if (fault.code !== 'mandate_wider' || concernedBy(parent).has(asker)) return fault;
  return consentErrors.error(
    'mandate_wider',
    `The parent mandate does not allow these terms. The parties of ${parent.id} can see the reason.`,
  );
}

function cutFault(parent: Mandate, ended: Mandate | undefined, terms: CutTerms): CodedError | undefined {
  if (parent.grantee.lei !== terms.grantor.lei)
    return consentErrors.error(
      'mandate_grantee',
      `Only ${parent.grantee.lei}, the grantee of the parent mandate, can create a sub-mandate.`,
    );
  if (terms.parent !== undefined && !isCutByHolder(terms, parent))
    return consentErrors.error(
      'mandate_parent_not_active',
      `${parent.id} has had a different grantee since the proposal. Propose the sub-mandate again.`,
    );
  if (ended !== undefined)
    return consentErrors.error(
      'mandate_parent_not_active',
      `${ended.id} is ${ended.status}; sub-mandates need an active parent.`,
    );
  if (!canBeCut.includes(parent.kind))
    return wider('kind', parent.kind, `A mandate of kind ${parent.kind} allows no sub-mandates.`);
  const outside = datesOutside(parent, terms);
  if (outside !== undefined)
    return wider('validity', outside, `The sub-mandate would be in effect at ${outside}, when its parent is not.`);
  const narrowed = narrowConstraints(parent.constraints, terms.constraints);
  return narrowed.ok
    ? undefined
    : consentErrors.error('mandate_wider', narrowed.counterexample.sentence, {
        facts: { counterexample: narrowed.counterexample },
      });
}

function wider(constraint: string, example: string, sentence: string): CodedError {
  const counterexample = { constraint, example, parentAllows: false, sentence };
  return consentErrors.error('mandate_wider', sentence, { facts: { counterexample } });
}

/** The first mandate from here up to the root that is not valid. */
async function endedIn(unit: Unit, lowest: Mandate): Promise<Mandate | undefined> {
  for (let mandate: Mandate | undefined = lowest; mandate !== undefined; ) {
    if (mandate.status !== 'active') return mandate;
    if (mandate.parent === undefined) return undefined;
    const above: Mandate | undefined = await unit.head(mandate.parent.id);
    // Its grantor no longer holds the mandate above.
    if (above !== undefined && !isCutByHolder(mandate, above)) return mandate;
    mandate = above;
  }
  return undefined;
}

/** A time at which the sub-mandate would be in effect but its parent is not. */
function datesOutside(parent: Mandate, terms: CutTerms): string | undefined {
  if (Date.parse(terms.effectiveFrom) < Date.parse(parent.effectiveFrom)) return terms.effectiveFrom;
  return Date.parse(terms.effectiveUntil) > Date.parse(parent.effectiveUntil) ? parent.effectiveUntil : undefined;
}
