import { consentErrors, type Mandate, type MandateTerms } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { institutionsFault } from '../signatory.ts';
import type { Unit } from '../store/unit.ts';
import { partiesOf } from '../terms.ts';
import { checkedParent } from './cut-from.ts';
import type { StepContext } from './step-context.ts';

/**
 * Whether a mandate may have these terms now: asked when they are proposed, and again with the last consent.
 *
 * @returns the terms, with the parent at the version that was checked; or why not
 */
export async function amendmentFault(
  context: StepContext,
  unit: Unit,
  head: Mandate,
  terms: MandateTerms,
  { when, asker }: { readonly when: 'proposed' | 'agreed'; readonly asker: Lei },
): Promise<
  { readonly terms: MandateTerms; readonly references: readonly Mandate['recordId'][] } | { readonly fault: CodedError }
> {
  const now = context.now();
  for (const until of [head.effectiveUntil, terms.effectiveUntil])
    if (now >= Date.parse(until))
      return { fault: consentErrors.error('mandate_expired', `The mandate, or what it would be, ran until ${until}.`) };
  const unfit = institutionsFault(context.directory(), partiesOf(terms));
  if (unfit !== undefined) return { fault: unfit };
  if (terms.parent === undefined) return { terms, references: [] };
  const { parent: cutFrom, ...others } = terms;
  // An amendment that is proposed is checked against the parent as it is, and will name that.
  const parent = await checkedParent(
    unit,
    cutFrom.id,
    when === 'proposed' ? others : { ...others, parent: cutFrom },
    asker,
  );
  if ('fault' in parent) return { fault: parent.fault };
  return { terms: { ...terms, parent: parent.reference }, references: [parent.mandate.recordId] };
}
