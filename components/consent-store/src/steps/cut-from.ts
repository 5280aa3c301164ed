import { consentErrors, type Mandate, type MandateKind, type MandateTerms } from '@countersign/contracts';
import type { CodedError, MandateId } from '@countersign/kernel';
import { type Lei, narrowConstraints } from '@countersign/market';
import type { Unit } from '../store/unit.ts';
import { concernedBy, isCutByHolder } from '../terms.ts';

/** Kinds that permit more than one thing, so that some of it can be passed on. */
const canBeCut: readonly MandateKind[] = ['mandate', 'standing-authority', 'tri-party-rule'];

type CutTerms = Pick<MandateTerms, 'grantor' | 'constraints' | 'effectiveFrom' | 'effectiveUntil'> & {
  /** As it was when the terms were proposed, where they are to be consented to. */
  readonly parent?: NonNullable<MandateTerms['parent']>;
};

/** The parent named by a proposal as its version will name it, and the version that was checked. */
export interface CheckedParent {
  readonly reference: NonNullable<MandateTerms['parent']>;
  readonly mandate: Mandate;
}

/**
 * Whether a mandate with these terms may be cut from `id`. All that is above must stand, or it would be born dead.
 *
 * @param asker the institution that a refusal is told to
 * @returns the parent at the version that was checked, or why not; and the parent in either case where there is one
 */
export async function checkedParent(
  unit: Unit,
  id: MandateId,
  terms: CutTerms,
  asker: Lei,
): Promise<CheckedParent | { readonly fault: CodedError; readonly mandate?: Mandate }> {
  const parent = await unit.lock(id);
  if (parent === undefined)
    return { fault: consentErrors.error('mandate_not_found', 'There is no mandate with the id given as parent.') };
  const fault = cutFault(parent, await endedIn(unit, parent), terms);
  if (fault !== undefined) return { fault: toldTo(asker, parent, fault), mandate: parent };
  return { mandate: parent, reference: { id: parent.id, version: parent.version, digest: parent.digest } };
}

/** An example of what is too wide tells where the limit is: it is for those who agreed on it. */
function toldTo(asker: Lei, parent: Mandate, fault: CodedError): CodedError {
  if (fault.code !== 'mandate_wider' || concernedBy(parent).has(asker)) return fault;
  return consentErrors.error(
    'mandate_wider',
    `What it is cut from does not allow it; the parties of ${parent.id} know what.`,
  );
}

function cutFault(parent: Mandate, ended: Mandate | undefined, terms: CutTerms): CodedError | undefined {
  if (parent.grantee.lei !== terms.grantor.lei)
    return consentErrors.error(
      'mandate_grantee',
      `Only ${parent.grantee.lei}, to whom the parent was given, can cut a mandate from it.`,
    );
  if (terms.parent !== undefined && !isCutByHolder(terms, parent))
    return consentErrors.error(
      'mandate_parent_not_active',
      `${parent.id} has been in other hands since this was proposed: propose it anew.`,
    );
  if (ended !== undefined)
    return consentErrors.error(
      'mandate_parent_not_active',
      `${ended.id} is ${ended.status}; only from active mandates can another be cut.`,
    );
  if (!canBeCut.includes(parent.kind))
    return wider(
      'kind',
      parent.kind,
      `What is given as ${parent.kind} is not for anybody else: nothing is cut from it.`,
    );
  const outside = datesOutside(parent, terms);
  if (outside !== undefined)
    return wider(
      'validity',
      outside,
      `The proposal would be in effect at ${outside}; the mandate it is cut from is not.`,
    );
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

/** The first of a line that does not stand. */
async function endedIn(unit: Unit, lowest: Mandate): Promise<Mandate | undefined> {
  for (let mandate: Mandate | undefined = lowest; mandate !== undefined; ) {
    if (mandate.status !== 'active') return mandate;
    if (mandate.parent === undefined) return undefined;
    const above: Mandate | undefined = await unit.head(mandate.parent.id);
    // Given by somebody who holds it no more: as if what is above had ended.
    if (above !== undefined && !isCutByHolder(mandate, above)) return mandate;
    mandate = above;
  }
  return undefined;
}

/** A time at which the proposal would be in effect and the parent is not. */
function datesOutside(parent: Mandate, terms: CutTerms): string | undefined {
  if (Date.parse(terms.effectiveFrom) < Date.parse(parent.effectiveFrom)) return terms.effectiveFrom;
  return Date.parse(terms.effectiveUntil) > Date.parse(parent.effectiveUntil) ? parent.effectiveUntil : undefined;
}
