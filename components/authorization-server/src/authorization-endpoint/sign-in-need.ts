import type { Client, GrantTerms, SignIn, SignInNeed } from '@countersign/contracts';
import { defined, epochSeconds } from '@countersign/kernel';
import { digestOfIntent, isScope, tierOfScopes } from '@countersign/market';
import type { AuthorizationRequest } from '@countersign/oauth';
/**
 * Requirements of the request on the sign-in. If a request with intents demands a class or an age, an assertion over these intents
 * must meet it (RFC 9470). Ages are measured at the arrival, so that a slow person need not sign in twice.
 *
 * @param startedAt milliseconds since the epoch
 */
export function signInNeed(
  request: AuthorizationRequest,
  { client, terms, startedAt }: { readonly client: Client; readonly terms: GrantTerms; readonly startedAt: number },
): SignInNeed {
  const started = epochSeconds(startedAt);
  const notBefore = asksForFreshSignIn(request)
    ? started
    : request.maxAgeSeconds === undefined
      ? undefined
      : started - request.maxAgeSeconds;
  const acrValues = demandedClasses(request, client);
  const bound = terms.details.length > 0 && (acrValues.length > 0 || request.maxAgeSeconds !== undefined);
  return {
    acrValues,
    tier: tierOfScopes(terms.scopes.filter(isScope)),
    ...(bound ? { intents: terms.details.map(digestOfIntent), reason: 'acr_demanded' } : {}),
    ...defined({ notBefore, loginHint: request.loginHint }),
  };
}

/** Whether the request needs a new sign-in. One in the same second does not count as new. */
export function asksForFreshSignIn({ prompt, maxAgeSeconds }: AuthorizationRequest): boolean {
  return prompt.includes('login') || prompt.includes('select_account') || maxAgeSeconds === 0;
}

/** RFC 9470 section 4: mandatory for the profile `fapi2`; voluntary in OpenID Connect Core section 3.1.2.1. */
function demandedClasses(request: AuthorizationRequest, client: Client): readonly string[] {
  if (request.requiredAcrValues.length > 0) return request.requiredAcrValues;
  return client.profile === 'fapi2' ? request.acrValues : [];
}

/** A partner's sign-in cannot be bound to an intent. */
export function needFor(signIn: SignIn | undefined, need: SignInNeed): SignInNeed {
  if (signIn?.issuer === undefined) return need;
  const { intents: _unbindable, ...rest } = need;
  return rest;
}

export function classFallsShort(signIn: SignIn, need: SignInNeed): boolean {
  return need.acrValues.length > 0 && !need.acrValues.includes(signIn.acr);
}
