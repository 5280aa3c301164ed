import type { Signer } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { isApplicationDetail, isTransactionStep, type Lei } from '@countersign/market';
import {
  type AccessTokenClaims,
  type AuthorizationGrantClaims,
  jwtAuthorizationGrantHeader,
  jwtAuthorizationGrantTokenType,
  signJwtAuthorizationGrant,
} from '@countersign/oauth';
import type { ExchangeParties, RequestedTokenClass } from '../grant-handler.ts';
import { refuse } from '../refusal.ts';

/** The authorization server of another domain, which redeems grants that we sign. */
export interface ChainedIssuer {
  /** Its issuer identifier, the `aud` of the grants. */
  readonly issuer: string;
  /** Institutions whose people and software may be disclosed to it. */
  readonly institutions: readonly Lei[];
}

/** Lifetime in seconds; the recipient redeems the grant immediately. */
const lifetimeSeconds = 60;

/**
 * The first hop of identity chaining (draft-ietf-oauth-identity-chaining-17 section 2.3): exchanges an access token for a
 * JWT grant for one other authorization server. The grant holds no more authority than the token and names all actors. If
 * the client uses a DPoP key, the grant is useless without that key.
 */
export function authorizationGrants(dependencies: {
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly chainedIssuers: readonly ChainedIssuer[];
}): RequestedTokenClass {
  const { signer, chainedIssuers } = dependencies;
  return {
    tokenType: jwtAuthorizationGrantTokenType,
    parse: () => ({
      tokenType: jwtAuthorizationGrantTokenType,
      lifetimeSeconds,
      audienceOf: (asked, between) => checkChainedIssuer(asked, between, chainedIssuers),
      async sign(granted) {
        const { kid, algorithm } = await signer.current('transaction-token');
        return signJwtAuthorizationGrant(
          composeGrant(granted),
          jwtAuthorizationGrantHeader({ kid, algorithm }),
          async (data) => (await signer.sign('transaction-token', kid, data)).signature,
        );
      },
    }),
  };
}

/** Both institutions must have agreed: the one that runs the client, and the one whose people are disclosed. */
function checkChainedIssuer(
  asked: string | undefined,
  { client, institution }: ExchangeParties,
  chainedIssuers: readonly ChainedIssuer[],
): string {
  if (asked === undefined)
    throw refuse('target_missing', 'Name the authorization server that the grant is for, in the parameter audience.');
  const chained = chainedIssuers.find(({ issuer }) => issuer === asked);
  if (chained === undefined)
    throw refuse('target_unknown', 'The audience must be the issuer of an authorization server that grants go to.');
  if (!chained.institutions.includes(client.institution) || !chained.institutions.includes(institution))
    throw refuse('target_not_allowed', `No grants go to ${chained.issuer} for this client and this subject.`);
  return chained.issuer;
}

/** Claims that are left out: institution, mandate, transaction and policies mean nothing in the other domain. */
function composeGrant(granted: AccessTokenClaims): AuthorizationGrantClaims {
  const { iss, sub, aud, jti, iat, exp, scope, authorization_details, act, acr, auth_time, cnf } = granted;
  const intents = authorization_details
    ?.filter((detail) => !isTransactionStep(detail))
    .filter((detail) => !isApplicationDetail(detail));
  return {
    iss,
    sub,
    aud,
    jti,
    iat,
    exp,
    scope,
    ...defined({ authorization_details: intents, act, acr, auth_time }),
    // The draft does not define certificate binding, so only client authentication at the other server protects the grant.
    ...(cnf !== undefined && 'jkt' in cnf ? { cnf } : {}),
  };
}
