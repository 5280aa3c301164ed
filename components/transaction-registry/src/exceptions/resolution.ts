import {
  type ExceptionCause,
  type ExceptionResolution,
  exceptionErrors,
  exceptionResolutions,
} from '@countersign/contracts';
import { type MandateId, parseId } from '@countersign/kernel';

export interface AskedResolution {
  readonly kind: ExceptionResolution;
  readonly reason: string;
  readonly mandate?: MandateId;
}

/** The resolutions that each cause allows. A mismatch cannot be restored. */
const resolutionsOf: Readonly<Record<ExceptionCause, readonly ExceptionResolution[]>> = {
  mandate: ['fresh-mandate', 'restored', 'abandoned'],
  entitlement: ['restored', 'abandoned'],
  approval: ['restored', 'abandoned'],
  'partner-timeout': ['restored', 'accepted', 'abandoned'],
  mismatch: ['accepted', 'abandoned'],
  // `accepted`: the resolver takes the transaction over.
  departure: ['restored', 'accepted', 'abandoned'],
};

export function parseResolution({
  kind,
  reason,
  mandate,
}: {
  readonly kind: string;
  readonly reason: string;
  readonly mandate?: string;
}): AskedResolution {
  const known = exceptionResolutions.find((each) => each === kind);
  if (known === undefined) throw invalid(`The kind must be one of ${exceptionResolutions.join(', ')}.`);
  // The reason stays in the evidence permanently.
  if (!/^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?$/.test(reason))
    throw invalid('The reason must be 1 to 256 printable ASCII characters and must not name people.');
  if ((mandate !== undefined) !== (known === 'fresh-mandate'))
    throw invalid('A mandate must be given with fresh-mandate, and only with it.');
  if (mandate === undefined) return { kind: known, reason };
  const id = parseId('mandate', mandate);
  if (id === undefined) throw invalid('The mandate is not a valid mandate id.');
  return { kind: known, reason, mandate: id };
}

export function mustSuit(cause: ExceptionCause, { kind }: AskedResolution): void {
  if (!resolutionsOf[cause].includes(kind))
    throw invalid(`An exception with the cause ${cause} can be resolved by ${resolutionsOf[cause].join(' or ')}.`);
}

function invalid(detail: string) {
  return exceptionErrors.error('exception_resolution_invalid', detail);
}
