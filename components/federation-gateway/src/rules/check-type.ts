import { hasType, type JwsHeader } from '@countersign/oauth';
import { refuse } from '../refusal.ts';

/**
 * Partners sign access tokens, logout tokens and proofs with the same keys; none of them is an assertion (RFC 8725
 * section 3.11). A missing type is accepted, because RFC 7523 names none.
 */
const assertionTypes: readonly (string | undefined)[] = [undefined, 'JWT'];

/** Identity chaining (draft -17, rfc7523bis-10) and its profile ID-JAG (draft -03). */
const grantTypes: readonly string[] = ['authorization-grant+jwt', 'oauth-id-jag+jwt'];

export function checkType(header: JwsHeader, options: { readonly grantsAccepted: boolean }): void {
  if (hasType(header, ...assertionTypes, ...(options.grantsAccepted ? grantTypes : []))) return;
  throw refuse('assertion_type', 'Its typ is that of another token type.');
}
