import type { Json } from '@countersign/kernel';
import type { AccessTokenClaims, Introspection } from '@countersign/oauth';

/**
 * What introspection tells of a token that stands (RFC 7662 section 2.2): all of its claims. `act` and `may_act` are
 * among them: a resource server that was not told who acts would decide for somebody else.
 */
export function describeToken(claims: AccessTokenClaims): Introspection {
  const described: Readonly<Record<string, Json>> = JSON.parse(JSON.stringify(claims));
  return { ...described, active: true, token_type: tokenTypeOf(claims) };
}

/** RFC 9449 section 6.2, RFC 8705 section 3: how the token is presented. */
function tokenTypeOf({ cnf }: AccessTokenClaims): 'DPoP' | 'Bearer' {
  return cnf !== undefined && 'jkt' in cnf ? 'DPoP' : 'Bearer';
}
