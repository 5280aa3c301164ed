import {
  type ExceptionCause,
  type ExceptionResolution,
  exceptionErrors,
  exceptionResolutions,
} from '@countersign/contracts';
import { type MandateId, parseId } from '@countersign/kernel';

/** What a person asks for, after it was read. */
export interface AskedResolution {
  readonly kind: ExceptionResolution;
  readonly reason: string;
  /** With `fresh-mandate`, and only then. */
  readonly mandate?: MandateId;
}

/** By what each cause may be dealt with. A mismatch does not go away by itself, and is not made good by waiting. */
const resolutionsOf: Readonly<Record<ExceptionCause, readonly ExceptionResolution[]>> = {
  mandate: ['fresh-mandate', 'restored', 'abandoned'],
  entitlement: ['restored', 'abandoned'],
  approval: ['restored', 'abandoned'],
  'partner-timeout': ['restored', 'accepted', 'abandoned'],
  mismatch: ['accepted', 'abandoned'],
  // Accepted: whoever resolves it takes the transaction on.
  departure: ['restored', 'accepted', 'abandoned'],
};

/** @throws CodedError `exception_resolution_invalid` */
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
  if (known === undefined) throw invalid(`An exception is resolved by ${exceptionResolutions.join(', ')}.`);
  // It stays in the evidence for good.
  if (!/^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?$/.test(reason))
    throw invalid('A reason is 1 to 256 characters of printable ASCII; it must not name people.');
  if ((mandate !== undefined) !== (known === 'fresh-mandate'))
    throw invalid('A mandate is named with fresh-mandate, and only there.');
  if (mandate === undefined) return { kind: known, reason };
  const id = parseId('mandate', mandate);
  if (id === undefined) throw invalid('What is named is not a mandate id.');
  return { kind: known, reason, mandate: id };
}

/** @throws CodedError `exception_resolution_invalid` */
export function mustSuit(cause: ExceptionCause, { kind }: AskedResolution): void {
  if (!resolutionsOf[cause].includes(kind))
    throw invalid(`What has the cause ${cause} is resolved by ${resolutionsOf[cause].join(' or ')}.`);
}

function invalid(detail: string) {
  return exceptionErrors.error('exception_resolution_invalid', detail);
}
