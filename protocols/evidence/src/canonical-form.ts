import { canonicalize, isCodedError, type Json } from '@countersign/kernel';

/** RFC 8785; undefined for a value without canonical form, e.g. with a lone surrogate. */
export function canonicalForm(value: Json): string | undefined {
  try {
    return canonicalize(value);
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}
