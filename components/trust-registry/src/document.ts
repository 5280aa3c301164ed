import type { TrustProfile, TrustProfileInput } from '@countersign/contracts';
import { defined, type Json } from '@countersign/kernel';

export function contentDocument(profile: TrustProfileInput & Pick<TrustProfile, 'suspended'>) {
  return {
    institution: profile.institution,
    issuer: profile.issuer,
    jwks_uri: profile.jwksUri,
    algorithms: profile.algorithms,
    max_lifetime_seconds: profile.maxLifetimeSeconds,
    required_claims: profile.requiredClaims,
    acr_values: profile.acrValues,
    max_authentication_age_seconds: profile.maxAuthenticationAgeSeconds,
    ...(profile.signIn === undefined
      ? {}
      : { sign_in: { client_id: profile.signIn.clientId, classes: profile.signIn.classes } }),
    ...defined({ suspended: profile.suspended }),
  } satisfies { readonly [member: string]: Json };
}
