import type {
  AuditAppender,
  ConsentStore,
  Directory,
  PolicyEngine,
  SingleUse,
  TokenRequest,
  TokenResponse,
  TransactionRegistry,
} from '@countersign/contracts';
import { type Clock, isCodedError, newId, type Random } from '@countersign/kernel';
import { type AccessTokenClaims, type KeyCache, verifyProof } from '@countersign/oauth';
import type { ClientKeys } from '../client-keys.ts';
import type { AuthorizationServerConfig } from '../config.ts';
import type { Established } from '../established.ts';
import type { GrantHandler } from '../grants/grant-handler.ts';
import { accessTokenType } from '../grants/token-exchange.ts';
import { asOAuthError } from '../refusal.ts';
import { authenticateClient } from './authenticate-client.ts';
import { checkClient, checkStanding } from './check-client.ts';
import { checkDetails } from './check-details.ts';
import { checkMandate } from './check-mandate.ts';
import { checkScope } from './check-scope.ts';
import { checkTarget } from './check-target.ts';
import { claimCredentials, claimGrant } from './claim-single-use.ts';
import { decide, requirePermit } from './decide.ts';
import { composeClaims } from './issue.ts';
import { openTransaction } from './open-transaction.ts';
import { type ParsedTokenRequest, parseTokenRequest } from './parse-request.ts';
import { describeAuthority, groundsOf, recordIssue, recordRefusal } from './record.ts';

export interface TokenEndpointDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly singleUse: SingleUse;
  readonly audit: AuditAppender;
  readonly directory: Directory;
  readonly consentStore: Pick<ConsentStore, 'check'>;
  readonly policyEngine: Pick<PolicyEngine, 'decide'>;
  readonly transactionRegistry: Pick<TransactionRegistry, 'open' | 'facts'>;
  readonly grants: ReadonlyMap<string, GrantHandler>;
  readonly clientKeys: ClientKeys;
  readonly proofKeys: KeyCache;
  readonly signToken: (claims: AccessTokenClaims) => Promise<string>;
  readonly config: Required<AuthorizationServerConfig>;
}

/**
 * The token endpoint: rules in the order they are applied, whatever the grant. Nothing leaves before its record is
 * durable, a refusal included; once the form could be read, every request ends in exactly one record.
 */
export function createTokenEndpoint(
  dependencies: TokenEndpointDependencies,
): (request: TokenRequest) => Promise<TokenResponse> {
  const { clock, audit, grants } = dependencies;
  return async (request) => {
    const asked = parseTokenRequest(request, grants);
    const established: Established = request.address === undefined ? {} : { address: request.address };
    try {
      return await answer(asked, request, established, dependencies);
    } catch (error) {
      const refusal = asOAuthError(error);
      // The log has just said that it cannot write: asking it again would only take longer to say the same.
      if (!isCodedError(error, 'log_unavailable')) {
        const recordId = newId('record', { clock, random: dependencies.random });
        await recordRefusal({ recordId, grantType: asked.grantType, error: refusal }, established, audit).catch(
          (failure: unknown) => {
            throw asOAuthError(failure) ?? failure;
          },
        );
      }
      throw refusal ?? error;
    }
  };
}

async function answer(
  asked: ParsedTokenRequest,
  request: TokenRequest,
  established: Established,
  dependencies: TokenEndpointDependencies,
): Promise<TokenResponse> {
  const { clock, random, singleUse, audit, config } = dependencies;
  const now = clock.now();
  const directory = dependencies.directory.snapshot();

  // Who asks, with which key.
  const { issuer } = config;
  const { client, assertion } = authenticateClient(asked, {
    directory,
    clientKeys: dependencies.clientKeys,
    issuer,
    now,
  });
  established.client = client.id;
  const proof = verifyProof(request.dpop, {
    method: 'POST',
    url: `${issuer}/token`,
    keys: dependencies.proofKeys,
    now,
  });
  await claimCredentials({ assertion, proof }, singleUse);
  checkClient(client, asked.grantType, directory);

  // Whose authority, and what bounds it.
  const note = (facts: Established): void => void Object.assign(established, facts);
  const authority = await asked.grant.resolve({ client, directory, now, note });
  note(describeAuthority(authority, directory));
  await claimGrant(authority.singleUse, singleUse);
  checkStanding(authority.institution, directory);

  // For what.
  const { ceiling } = authority;
  const resource = checkTarget(asked.target, { client, directory, ceiling });
  established.audience = [resource.uri];
  const scopes = checkScope(asked.scope, { ceiling, client, resource });
  established.scope = [...scopes];
  const granted = checkDetails(asked.authorizationDetails, { ceiling, resource, now });

  // Under which mandate, in which transaction.
  const mandate = granted && (await checkMandate(granted, { authority, now }, dependencies.consentStore));
  if (mandate !== undefined) established.mandate = { id: mandate.id, version: mandate.version };
  const transaction =
    granted &&
    mandate &&
    (await openTransaction({ granted, mandate, authority, client }, dependencies.transactionRegistry));
  if (transaction !== undefined) {
    established.transaction = transaction.id;
    established.intent = transaction.intentDigest;
  }

  // By which decision.
  const question = { authority, client, resource, scopes, granted, transaction, now };
  const decision = await decide(question, dependencies.policyEngine);
  established.policy = { version: decision.policyVersion, hash: decision.policyHash };
  established.references = groundsOf(decision, mandate, transaction, authority);
  requirePermit(decision);

  // Issued, recorded, and only then released.
  const recordId = newId('record', { clock, random });
  const claims = composeClaims({
    ...question,
    issuer,
    proof,
    decision,
    mandate,
    recordId,
    tokenId: newId('token', { clock, random }),
    lifetimeSeconds: config.accessTokenLifetimeSeconds,
  });
  const accessToken = await dependencies.signToken(claims);
  await recordIssue(
    { recordId, grantType: asked.grantType, claims, accessToken, decision, authority },
    established,
    audit,
  );
  return release(accessToken, claims, authority.continues !== undefined);
}

function release(accessToken: string, claims: AccessTokenClaims, exchanged: boolean): TokenResponse {
  return {
    access_token: accessToken,
    token_type: 'DPoP',
    expires_in: claims.exp - claims.iat,
    scope: claims.scope,
    ...(exchanged ? { issued_token_type: accessTokenType } : {}),
    ...(claims.authorization_details === undefined ? {} : { authorization_details: claims.authorization_details }),
    ...(claims.txn === undefined ? {} : { txn: claims.txn }),
  };
}
