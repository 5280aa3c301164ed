import type { JwsHeader } from '@countersign/oauth';
import { refuse } from '../refusal.ts';

/**
 * A partner signs more than assertions with its keys: access tokens, logout tokens, proofs. None of them may be
 * used here (RFC 8725 section 3.11). A JWT that does not say what it is may be; RFC 7523 names no type.
 */
const accepted: readonly (string | undefined)[] = [undefined, 'JWT', 'jwt', 'oauth-id-jag+jwt'];

export function checkType({ typ }: JwsHeader): void {
  if (!accepted.includes(typ)) throw refuse('assertion_type', 'Its typ is that of another kind of token.');
}
