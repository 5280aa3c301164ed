import { consentErrors } from '@countersign/contracts';

/** A reason stays in the evidence permanently, so it is short plain text and must not name people. */
export const reasonPattern = '^[\\x21-\\x7e](?: ?[\\x21-\\x7e]){0,199}$';

const expression = new RegExp(reasonPattern);

/** @throws CodedError `mandate_invalid` */
export function parseReason(reason: string): string {
  if (expression.test(reason)) return reason;
  throw consentErrors.error(
    'mandate_invalid',
    'The reason must be 1 to 200 visible ASCII characters with single spaces.',
    { facts: { field: 'reason' } },
  );
}
