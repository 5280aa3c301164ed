import type { JwsHeader } from '@countersign/oauth';
import { refuse } from '../refusal.ts';

/**
 * A partner signs more than assertions with its keys: access tokens, logout tokens, proofs. None of them may be
 * used here (RFC 8725 section 3.11). A JWT that does not say what it is may be; RFC 7523 names no type.
 */
const assertionTypes: readonly (string | undefined)[] = [undefined, 'JWT', 'jwt'];

/** Grants that say what they are: of identity chaining (draft -17, rfc7523bis-10) and its profile ID-JAG (draft -03). */
const grantTypes: readonly (string | undefined)[] = ['authorization-grant+jwt', 'oauth-id-jag+jwt'];

export function checkType({ typ }: JwsHeader, options: { readonly grantsAccepted: boolean }): void {
  if (assertionTypes.includes(typ) || (options.grantsAccepted && grantTypes.includes(typ))) return;
  throw refuse('assertion_type', 'Its typ is that of another kind of token.');
}
