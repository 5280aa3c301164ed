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
  /** Whose people and software it may be told of. */
  readonly institutions: readonly Lei[];
}

/** Redeemed at once or not at all, in seconds. */
const lifetimeSeconds = 60;

/**
 * The first hop of identity chaining (draft-ietf-oauth-identity-chaining-17 section 2.3): an access token becomes a JWT
 * grant for one other authorization server. It holds no more than the token did, names who has acted, and is of use
 * to nobody without the client's DPoP key where the client has one.
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

/** Both must have agreed: whose software goes there, and of whose people it then tells. */
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

/** What stays here: institution, mandate, transaction and policies mean nothing in the other domain. */
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
    // Of certificates the draft knows nothing; the client's authentication there is then all that holds the grant.
    ...(cnf !== undefined && 'jkt' in cnf ? { cnf } : {}),
  };
}
