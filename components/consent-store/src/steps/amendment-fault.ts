import { consentErrors, type DirectorySnapshot, type Mandate, type MandateTerms } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { institutionsFault } from '../signatory.ts';
import type { Unit } from '../store/unit.ts';
import { partiesOf } from '../terms.ts';
import { checkedParent } from './cut-from.ts';

export type CheckedTerms =
  | { readonly terms: MandateTerms; readonly references: readonly Mandate['recordId'][] }
  | { readonly fault: CodedError };

/** Checks amended terms, at the proposal and again at each consent. */
export async function amendmentFault(
  unit: Unit,
  head: Mandate,
  terms: MandateTerms,
  {
    when,
    asker,
    snapshot,
    now,
  }: {
    readonly when: 'proposed' | 'agreed';
    readonly asker: Lei;
    readonly snapshot: DirectorySnapshot;
    readonly now: number;
  },
): Promise<CheckedTerms> {
  for (const until of [head.effectiveUntil, terms.effectiveUntil])
    if (now >= Date.parse(until))
      return {
        fault: consentErrors.error('mandate_expired', `The mandate or the amended mandate expired at ${until}.`),
      };
  const unfit = institutionsFault(snapshot, partiesOf(terms));
  if (unfit !== undefined) return { fault: unfit };
  if (terms.parent === undefined) return { terms, references: [] };
  const { parent: cutFrom, ...others } = terms;
  // A proposed amendment is checked against the present version of the parent and names it.
  const parent = await checkedParent(
    unit,
    cutFrom.id,
    when === 'proposed' ? others : { ...others, parent: cutFrom },
    asker,
  );
  if ('fault' in parent) return { fault: parent.fault };
  return { terms: { ...terms, parent: parent.reference }, references: [parent.mandate.recordId] };
}
