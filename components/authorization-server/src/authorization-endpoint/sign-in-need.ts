import type { Client, GrantTerms, SignIn, SignInNeed } from '@countersign/contracts';
import { defined, epochSeconds } from '@countersign/kernel';
import { digestOfIntent, isScope, tierOfScopes } from '@countersign/market';
import type { AuthorizationRequest } from '@countersign/oauth';

/**
 * What the sign-in must be good for: the scopes say which session. Where a class or an age is demanded for intents, it is
 * demanded of an assertion over them (RFC 9470 with dynamic linking), which is good for nothing else. Ages are counted from when the request came, so that nobody has to sign in twice
 * for having taken their time.
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

/**
 * Whether the person must sign in for this request, however lately they did before: times are told in seconds, and a
 * sign-in of the same second is not one for this request.
 */
export function asksForFreshSignIn({ prompt, maxAgeSeconds }: AuthorizationRequest): boolean {
  return prompt.includes('login') || prompt.includes('select_account') || maxAgeSeconds === 0;
}

/**
 * RFC 9470 section 4: a protected interface has told its client which class it needs, so for the profile `fapi2`
 * nothing else will do. OpenID Connect Core section 3.1.2.1 has `acr_values` as a wish, and existing relying parties
 * send it as one; what they must have they ask for as an essential claim.
 */
function demandedClasses(request: AuthorizationRequest, client: Client): readonly string[] {
  if (request.requiredAcrValues.length > 0) return request.requiredAcrValues;
  return client.profile === 'fapi2' ? request.acrValues : [];
}

/** What is asked of who is signed in: a partner's sign-in can be as strong and as new as demanded, and bound to nothing. */
export function needFor(signIn: SignIn | undefined, need: SignInNeed): SignInNeed {
  if (signIn?.issuer === undefined) return need;
  const { intents: _unbindable, ...rest } = need;
  return rest;
}

/** Whether only the class of the sign-in falls short. */
export function classFallsShort(signIn: SignIn, need: SignInNeed): boolean {
  return need.acrValues.length > 0 && !need.acrValues.includes(signIn.acr);
}
