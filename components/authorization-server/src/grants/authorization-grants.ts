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

/** Of another domain; it redeems grants that we sign. */
export interface ChainedIssuer {
  /** The `aud` of the grants. */
  readonly issuer: string;
  /** Institutions whose people and software may be disclosed to it. */
  readonly institutions: readonly Lei[];
}

/** The recipient redeems the grant immediately. */
const lifetimeSeconds = 60;

/**
 * The first hop of identity chaining (draft-ietf-oauth-identity-chaining-17 section 2.3): a JWT grant for one other authorization
 * server, with at most the token's authority, all its actors and the client's DPoP key.
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

/** Both the client's and the subject's institution must have agreed. */
function checkChainedIssuer(
  asked: string | undefined,
  { client, institution }: ExchangeParties,
  chainedIssuers: readonly ChainedIssuer[],
): string {
  if (asked === undefined) throw refuse('target_missing', 'Name the authorization server in the parameter audience.');
  const chained = chainedIssuers.find(({ issuer }) => issuer === asked);
  if (chained === undefined)
    throw refuse('target_unknown', 'The audience must be the issuer of a chained authorization server.');
  if (!chained.institutions.includes(client.institution) || !chained.institutions.includes(institution))
    throw refuse('target_not_allowed', `Grants for this client and subject are not issued to ${chained.issuer}.`);
  return chained.issuer;
}

/** Without claims that mean nothing in the other domain. */
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
    // The draft defines no certificate binding; client authentication at the other server protects the grant.
    ...(cnf !== undefined && 'jkt' in cnf ? { cnf } : {}),
  };
}
