import { hasType, type JwsHeader } from '@countersign/oauth';
import { refuse } from '../refusal.ts';

/**
 * A partner signs more than assertions with its keys: access tokens, logout tokens, proofs. None of them may be
 * used here (RFC 8725 section 3.11). A JWT that does not say what it is may be; RFC 7523 names no type.
 */
const assertionTypes: readonly (string | undefined)[] = [undefined, 'JWT'];

/** Grants that say what they are: of identity chaining (draft -17, rfc7523bis-10) and its profile ID-JAG (draft -03). */
const grantTypes: readonly string[] = ['authorization-grant+jwt', 'oauth-id-jag+jwt'];

export function checkType(header: JwsHeader, options: { readonly grantsAccepted: boolean }): void {
  if (hasType(header, ...assertionTypes, ...(options.grantsAccepted ? grantTypes : []))) return;
  throw refuse('assertion_type', 'Its typ is that of another kind of token.');
}
