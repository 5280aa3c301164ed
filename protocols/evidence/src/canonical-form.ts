import { canonicalize, isCodedError, type Json } from '@countersign/kernel';

/** The one text of a value (RFC 8785); undefined for one that has none, such as text with a lone surrogate. */
export function canonicalForm(value: Json): string | undefined {
  try {
    return canonicalize(value);
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}
