import type {
  Authentication,
  Client,
  ClientRequest,
  ConsentStore,
  GrantType,
  PolicyEngine,
  ProtocolScope,
  SingleUse,
  StandingReader,
  TokenResponse,
  TransactionRegistry,
} from '@countersign/contracts';
import { auditLogErrors } from '@countersign/contracts';
import type { Scope } from '@countersign/market';
import type { AccessTokenClaims } from '@countersign/oauth';
import {
  bindingOf,
  type ClientContext,
  type ClientEndpointDependencies,
  checkStanding,
  createClientEndpoint,
  usedBefore,
} from '../client-endpoint/index.ts';
import type { Authority, Companions, GrantHandler, GrantRequest, UsedUp } from '../grant-handler.ts';
import { accessTokenType } from '../grant-handler.ts';
import { refuse } from '../refusal.ts';
import { checkApplicationDetail } from './check-application-detail.ts';
import { checkAuthority, checkRevoked } from './check-authority.ts';
import { checkDetails } from './check-details.ts';
import { checkMandate } from './check-mandate.ts';
import { checkScope, splitScope } from './check-scope.ts';
import { checkTarget } from './check-target.ts';
import { issueDecided, type TokenForms } from './issue.ts';
import { openStep, openTransaction, readStep } from './open-transaction.ts';
import { describeAuthority } from './record.ts';

export interface TokenEndpointDependencies {
  readonly clients: ClientEndpointDependencies;
  readonly consentStore: Pick<ConsentStore, 'check'>;
  readonly policyEngine: Pick<PolicyEngine, 'decide' | 'detailTypes'>;
  readonly authentication: Pick<Authentication, 'classesFor'>;
  readonly transactionRegistry: Pick<TransactionRegistry, 'open' | 'facts' | 'stepsOf'>;
  readonly grants: ReadonlyMap<string, GrantHandler>;
  readonly tokenForms: TokenForms;
  readonly standings: StandingReader;
  readonly accessTokenLifetimeSeconds: number;
}

/**
 * The token endpoint: rules in the order they are applied, whatever the grant. Who asks, with which key or
 * certificate, was established by `createClientEndpoint` before. Nothing leaves before its record is durable.
 */
export function createTokenEndpoint(
  dependencies: TokenEndpointDependencies,
): (request: ClientRequest) => Promise<TokenResponse> {
  return createClientEndpoint(
    {
      name: 'token',
      proof: 'required',
      refusalType: 'token.refused',
      answer: (context) => issueToken(context, dependencies),
    },
    dependencies.clients,
  );
}

async function issueToken(context: ClientContext, dependencies: TokenEndpointDependencies): Promise<TokenResponse> {
  const { client, directory, now, note } = context;
  const { singleUse, issuer } = dependencies.clients;

  // What is asked for, and what a token of this client is bound to.
  const asked = parseTokenRequest(context.parameters, dependencies.grants);
  note({ data: { grant_type: asked.grantType } });
  checkGrant(client, asked.grantType);
  const confirmation = bindingOf(context);

  // Whose authority, and what bounds it.
  const authority = await asked.grant.resolve(context, confirmation);
  note(describeAuthority(authority, directory));
  await spend(authority.usedUp, singleUse);
  checkStanding(authority.institution, directory);

  // For what.
  const { ceiling } = authority;
  const scope = splitScope(asked.scope, ceiling);
  const target = checkTarget(asked.target, { client, directory, authority, scope, issuer });
  const { resource, audience, protocolScopes } = target;
  note({ audience: [audience] });
  const marketScopes = checkScope(scope.market, { ceiling, client, resource, protocolScopes });
  const scopes: ReadonlySet<Scope | ProtocolScope> = protocolScopes ?? marketScopes;
  note({ scope: [...scopes] });
  const asStep = protocolScopes === undefined && authority.continues === undefined;
  const namedStep = asStep ? readStep(asked.authorizationDetails, { resource, client, issuer }) : undefined;
  const applicationDetail = asStep
    ? checkApplicationDetail(asked.authorizationDetails, {
        ...{ grantType: asked.grantType, ceiling },
        ...{ client, resource, issuer, scopes: marketScopes },
        types: dependencies.policyEngine.detailTypes(),
      })
    : undefined;
  const granted =
    namedStep === undefined && applicationDetail === undefined
      ? checkDetails(asked.authorizationDetails, {
          ceiling,
          client,
          resource,
          withoutIntent: protocolScopes !== undefined,
          now,
        })
      : undefined;
  checkAuthority({
    ...{ scopes, audience, authority, granted, step: namedStep, directory, issuer },
    authentication: dependencies.authentication,
  });

  // Under which mandate, in which transaction.
  const mandate = granted && (await checkMandate(granted, { authority, directory, now }, dependencies.consentStore));
  if (mandate !== undefined) note({ mandate: { id: mandate.id, version: mandate.version } });
  const notRevoked = checkRevoked(
    { authority, client, directory, mandates: mandate?.chain ?? [] },
    dependencies.standings,
  );
  // Where no transaction depends on it, the log answers while the policies decide: two calls, one round trip.
  notRevoked.catch(() => undefined);
  if (granted !== undefined || namedStep !== undefined) await notRevoked;
  const transaction =
    granted &&
    mandate &&
    (await openTransaction({ granted, mandate, authority, client }, dependencies.transactionRegistry));
  if (transaction !== undefined) note({ transaction: transaction.id, intent: transaction.intentDigest });
  const step =
    namedStep && (await openStep(namedStep, { authority, scopes: marketScopes }, dependencies.transactionRegistry));
  if (step !== undefined) note({ transaction: step.transaction, intent: step.intentDigest });

  // Decided, recorded, and only then released.
  const { claims, accessToken, companions } = await issueDecided(
    {
      ...{ authority, client, resource, audience, scopes, granted, transaction, step, now },
      ...{ grantType: asked.grantType, confirmation, mandate, applicationDetail },
      protocolScopes: scope.protocol,
      longestSeconds: dependencies.accessTokenLifetimeSeconds,
      notRevoked,
    },
    context.established,
    { ...dependencies, ...dependencies.clients },
  ).catch((error: unknown) => refuseIssuedBefore(error, authority.usedUp));
  return release({ claims, accessToken, companions, authority }, [
    ...(protocolScopes === undefined ? scope.protocol : []),
  ]);
}

/** RFC 8705 section 3 has no type of its own for tokens that are bound to a certificate. */
function tokenTypeOf({ cnf }: AccessTokenClaims): 'DPoP' | 'Bearer' {
  return cnf !== undefined && 'jkt' in cnf ? 'DPoP' : 'Bearer';
}

function release(
  issued: {
    readonly claims: AccessTokenClaims;
    readonly accessToken: string;
    readonly companions: Companions | undefined;
    readonly authority: Authority;
  },
  grantedBeside: readonly ProtocolScope[],
): TokenResponse {
  const { claims, accessToken, companions, authority } = issued;
  return {
    access_token: accessToken,
    token_type: authority.requested === undefined ? tokenTypeOf(claims) : 'N_A',
    expires_in: claims.exp - claims.iat,
    // RFC 6749 section 5.1: all that was granted, also what an ID token or a refresh token now stands for.
    scope: grantedBeside.length === 0 ? claims.scope : `${grantedBeside.join(' ')} ${claims.scope}`,
    ...(authority.continues === undefined
      ? {}
      : { issued_token_type: authority.requested?.tokenType ?? accessTokenType }),
    ...companions,
    ...(claims.authorization_details === undefined ? {} : { authorization_details: claims.authorization_details }),
    ...(claims.txn === undefined ? {} : { txn: claims.txn }),
  };
}

/** What is asked for; nothing in it is believed yet. */
export interface ParsedTokenRequest {
  readonly grantType: GrantHandler['grantType'];
  readonly grant: GrantRequest;
  /** The one target, by `resource` (RFC 8707) or `audience` (RFC 8693). */
  readonly target: string | undefined;
  readonly scope: string | undefined;
  readonly authorizationDetails: string | undefined;
}

/** RFC 6749 section 4 and its kin. @throws CodedError of `oauthErrors` */
export function parseTokenRequest(
  parameters: ReadonlyMap<string, string>,
  grants: ReadonlyMap<string, GrantHandler>,
): ParsedTokenRequest {
  const grantType = parameters.get('grant_type');
  if (grantType === undefined) throw refuse('parameter_missing', 'The parameter grant_type is missing.');
  const handler = grants.get(grantType);
  if (handler === undefined)
    throw refuse('grant_type_unsupported', `The grant_type must be one of ${[...grants.keys()].join(', ')}.`);
  return {
    grantType: handler.grantType,
    grant: handler.parse(parameters),
    target: readTarget(parameters),
    scope: parameters.get('scope'),
    authorizationDetails: parameters.get('authorization_details'),
  };
}

function readTarget(parameters: ReadonlyMap<string, string>): string | undefined {
  const resource = parameters.get('resource');
  const audience = parameters.get('audience');
  if (resource !== undefined && audience !== undefined)
    throw refuse('target_ambiguous', 'A token is for exactly one target: one resource or one audience.');
  return resource ?? audience;
}

/** Whether this client may use this grant. */
export function checkGrant(client: Client, grantType: GrantType): void {
  if (!client.grantTypes.includes(grantType))
    throw refuse('grant_not_allowed', `The client is not registered for the grant ${grantType}.`);
}

/** Claims the single-use value of the grant: across all nodes, one request succeeds. */
export async function spend(usedUp: UsedUp<GrantType>, singleUse: SingleUse): Promise<void> {
  if (usedUp === undefined) return;
  const taken = 'take' in usedUp ? await usedUp.take() : await singleUse.claim(usedUp);
  if (taken === 'replayed') throw await replayed(usedUp);
}

/**
 * The record of a token whose grant uses something up is there once (`recordIdFor`): whoever gets as far a second time, because a row
 * was put back or a claim was lost, is refused as one who brings it again.
 */
export async function refuseIssuedBefore(error: unknown, usedUp: UsedUp<GrantType>): Promise<never> {
  throw usedUp !== undefined && auditLogErrors.is(error, 'record_identity_taken') ? await replayed(usedUp) : error;
}

async function replayed(usedUp: NonNullable<UsedUp<GrantType>>): Promise<Error> {
  return 'take' in usedUp ? usedUp.replayed() : usedBefore(usedUp, 'assertion_replayed');
}
