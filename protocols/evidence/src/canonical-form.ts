import { canonicalize, isCodedError, type Json } from '@countersign/kernel';

/** The canonical text of a value (RFC 8785); undefined if it has none, for example with a lone surrogate. */
export function canonicalForm(value: Json): string | undefined {
  try {
    return canonicalize(value);
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}
