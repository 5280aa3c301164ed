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
import { defined } from '@countersign/kernel';
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
import { checkAuthority, checkHalted, checkRevoked } from './check-authority.ts';
import { checkDetails } from './check-details.ts';
import { checkMandate } from './check-mandate.ts';
import { checkScope, splitScope } from './check-scope.ts';
import { checkTarget } from './check-target.ts';
import { type IssueDependencies, issueDecided, type TokenForms } from './issue.ts';
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

/** The rules of the token endpoint in order of application, the same for every grant. */
export function createTokenEndpoint(
  dependencies: TokenEndpointDependencies,
): (request: ClientRequest) => Promise<TokenResponse> {
  const issuing = { ...dependencies, ...dependencies.clients };
  const answer = (context: ClientContext) => issueToken(context, dependencies, issuing);
  return createClientEndpoint(
    { name: 'token', proof: 'required', refusalType: 'token.refused', answer },
    dependencies.clients,
  );
}

async function issueToken(
  context: ClientContext,
  dependencies: TokenEndpointDependencies,
  issuing: IssueDependencies,
): Promise<TokenResponse> {
  const { client, directory, now, note } = context;
  const { singleUse, issuer } = dependencies.clients;

  // The request, and the key binding of this client's tokens.
  const asked = parseTokenRequest(context.parameters, dependencies.grants);
  note({ data: { grant_type: asked.grantType } });
  checkGrant(client, asked.grantType);
  const confirmation = bindingOf(context);

  const authority = await asked.grant.resolve(context, confirmation);
  note(describeAuthority(authority, directory));
  await spend(authority.usedUp, singleUse);
  checkStanding(authority.institution, directory);

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
  const withoutIntent = protocolScopes !== undefined;
  const granted =
    namedStep === undefined && applicationDetail === undefined
      ? checkDetails(asked.authorizationDetails, { ceiling, client, resource, withoutIntent, now })
      : undefined;
  checkAuthority({
    ...{ scopes, audience, authority, granted, step: namedStep, directory, issuer },
    authentication: dependencies.authentication,
  });

  const mandate = granted && (await checkMandate(granted, { authority, directory, now }, dependencies.consentStore));
  if (mandate !== undefined) note({ mandate: { id: mandate.id, version: mandate.version } });
  const parties = { authority, client, directory, mandates: mandate?.chain ?? [] };
  // Both ask the log in the same query.
  const notRevoked = Promise.all([
    checkRevoked(parties, dependencies.standings),
    checkHalted({ authority, client, directory, scopes, granted }, dependencies.standings),
  ]);
  // If no transaction depends on it, the log is queried while the policies decide.
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

  // Decided and recorded before release.
  const { claims, accessToken, companions } = await issueDecided(
    {
      grantType: asked.grantType,
      authority,
      client,
      resource,
      audience,
      scopes,
      confirmation,
      granted,
      mandate,
      transaction,
      step,
      applicationDetail,
      protocolScopes: scope.protocol,
      longestSeconds: dependencies.accessTokenLifetimeSeconds,
      workload: context.workload,
      notRevoked,
      now,
    },
    context.established,
    issuing,
  ).catch((error: unknown) => refuseIssuedBefore(error, authority.usedUp));
  return release({ claims, accessToken, companions, authority }, [
    ...(protocolScopes === undefined ? scope.protocol : []),
  ]);
}

/** RFC 8705 section 3 defines no separate token type. */
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
    // RFC 6749 section 5.1: all granted scopes.
    scope: grantedBeside.length === 0 ? claims.scope : `${grantedBeside.join(' ')} ${claims.scope}`,
    ...defined({
      issued_token_type: authority.continues && (authority.requested?.tokenType ?? accessTokenType),
      authorization_details: claims.authorization_details,
      txn: claims.txn,
    }),
    ...companions,
  };
}

/** Not trusted yet. */
export interface ParsedTokenRequest {
  readonly grantType: GrantHandler['grantType'];
  readonly grant: GrantRequest;
  /** `resource` (RFC 8707) or `audience` (RFC 8693). */
  readonly target: string | undefined;
  readonly scope: string | undefined;
  readonly authorizationDetails: string | undefined;
}

/** RFC 6749 section 4 and its extensions. @throws CodedError of `oauthErrors` */
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
    throw refuse('target_ambiguous', 'Name exactly one target: one resource or one audience.');
  return resource ?? audience;
}

export function checkGrant(client: Client, grantType: GrantType): void {
  if (!client.grantTypes.includes(grantType))
    throw refuse('grant_not_allowed', `The client is not registered for the grant ${grantType}.`);
}

/** Across all nodes, one request succeeds. */
export async function spend(usedUp: UsedUp<GrantType>, singleUse: SingleUse): Promise<void> {
  if (usedUp === undefined) return;
  const taken = 'thing' in usedUp ? await usedUp.consume() : await singleUse.claim(usedUp);
  if (taken === 'replayed') throw await replayed(usedUp);
}

/** Only one token record can exist for a used-up grant (`recordIdFor`), even if a row was restored or a claim was lost. */
export async function refuseIssuedBefore(error: unknown, usedUp: UsedUp<GrantType>): Promise<never> {
  throw usedUp !== undefined && auditLogErrors.is(error, 'record_identity_taken') ? await replayed(usedUp) : error;
}

async function replayed(usedUp: NonNullable<UsedUp<GrantType>>): Promise<Error> {
  return 'thing' in usedUp ? usedUp.replayed() : usedBefore(usedUp, 'assertion_replayed');
}
