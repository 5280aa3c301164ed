import type {
  AuditLog,
  Authentication,
  AuthorizationServer,
  ClientRequest,
  ConsentStore,
  Directory,
  FederationGateway,
  KeyPurpose,
  Outbound,
  PolicyEngine,
  Signer,
  SingleUse,
  Statements,
  TokenResponse,
  TransactionRegistry,
} from '@countersign/contracts';
import { type Clock, CodedError, type Random } from '@countersign/kernel';
import {
  createKeyCache,
  createNonceSource,
  createTokenMemory,
  type ProtectedResourceMetadata,
  userinfoAudience,
} from '@countersign/oauth';
import type { Logger, RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import {
  type BackchannelAuthentication,
  type BackchannelAuthenticationResponse,
  createBackchannelAuthentication,
} from './backchannel-authentication/index.ts';
import {
  type ClientEndpointDependencies,
  createClientEndpoint,
  createRefusalBudget,
  type Nonces,
} from './client-endpoint/index.ts';
import { type CredentialHolderStore, createClientKeys, createCredentialHolderStore } from './client-keys/index.ts';
import { type CodeFlow, createCodeFlow } from './code-flow.ts';
import { createCodes } from './codes/index.ts';
import { type AuthorizationServerConfig, type CheckedConfig, parseAuthorizationServerConfig } from './config.ts';
import { createEmergencyTokens } from './emergency-tokens.ts';
import type { GrantHandler, RequestedTokenClass } from './grant-handler.ts';
import {
  authorizationCode,
  authorizationGrants,
  ciba,
  clientCredentials,
  jwtBearer,
  refreshToken,
  tokenExchange,
  transactionTokens,
} from './grants/index.ts';
import { createGuard } from './guard.ts';
import { createIdTokens, idTokenPurposes } from './id-tokens.ts';
import { type IntrospectionAnswer, introspection } from './introspection.ts';
import { describeProtectedResource, describeServer } from './metadata.ts';
import { createOpaqueTokens } from './opaque-tokens/index.ts';
import {
  createAskAccessToken,
  createProvisioningTokenRegister,
  provisioningInterface,
  provisioningTokenEndpoint,
  takeProvisioningTokens,
} from './provisioning-tokens/index.ts';
import type { PushedAuthorizationResponse } from './pushed-requests/index.ts';
import { createRefreshTokens } from './refresh-tokens/index.ts';
import {
  type AdministeredRevocations,
  createRevocations,
  type Revocations,
  type RevocationsDependencies,
} from './revocations/index.ts';
import { createTokenEndpoint, createTokenForms, createTokenSigner } from './token-endpoint/index.ts';
import { createTokenKeys } from './token-keys.ts';
import { revocation } from './token-revocation.ts';

export interface AuthorizationServerDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly signer: Signer;
  readonly singleUse: SingleUse;
  readonly audit: Pick<AuditLog, 'append' | 'search' | 'find' | 'query' | 'standings' | 'standingsUnder'>;
  readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
  readonly consentStore: Pick<ConsentStore, 'check' | 'find' | 'grants' | 'withDescendants'>;
  readonly policyEngine: Pick<PolicyEngine, 'decide' | 'detailTypes'>;
  readonly transactionRegistry: Pick<TransactionRegistry, 'open' | 'facts' | 'stepsOf'>;
  readonly federationGateway: FederationGateway;
  readonly outbound: Outbound;
  readonly authentication: Authentication;
  /** Lets people sign an intent on their own device. Without it, consent to intents on a device works in development only. */
  readonly statements?: Statements;
  /** Base URL of the pages where transactions are approved; the consent pages link to it. */
  readonly transactions?: Pick<TransactionRegistry, 'waitingFor'>;
  /** Connected as the component's role. Codes, refresh tokens and similar rows are written with synchronous commits. */
  readonly pool: pg.Pool;
  /** Seals the rows that a later step relies on. Every node uses the same key, and the key is not in the database. */
  readonly rowSeal: RowSeal;
  /** Records which client holds each key or certificate; kept in the database when left out. */
  readonly credentialHolders?: CredentialHolderStore;
  /** At least 32 octets, the same on every node, used for nothing else; required if DPoP nonces are issued. */
  readonly nonceSecret?: Uint8Array;
  /** At least 32 octets, the same on every node, used for nothing else. Without it, clients in CIBA ping mode are not served. */
  readonly pingSecret?: Uint8Array;
  readonly config: AuthorizationServerConfig;
  readonly logger: Logger;
}

/** What the routes need from the server beyond its contract. */
export interface AuthorizationServerComponent<Kept extends Revocations = AdministeredRevocations>
  extends AuthorizationServer {
  readonly clientEndpoints: {
    pushAuthorization(request: ClientRequest): Promise<PushedAuthorizationResponse>;
    askPerson(request: ClientRequest): Promise<BackchannelAuthenticationResponse>;
    introspect(request: ClientRequest): Promise<IntrospectionAnswer>;
    revoke(request: ClientRequest): Promise<void>;
    provisioningToken(request: ClientRequest): Promise<TokenResponse>;
  };
  readonly codeFlow: Pick<CodeFlow, 'mountPages' | 'mountUserinfo'>;
  readonly backchannelAuthentication: Pick<BackchannelAuthentication, 'mountPages'>;
  readonly revocations: Kept;
  /** Value of the `DPoP-Nonce` response header; undefined if nonces are not issued. */
  dpopNonce(): string | undefined;
  /** RFC 9728 metadata of one of our own interfaces. */
  protectedResource(uri: string): ProtectedResourceMetadata | undefined;
  stop(): Promise<void>;
}

/**
 * The authorization server, conforming to FAPI 2.0. The contract describes its guarantees.
 *
 * @throws CodedError `configuration_invalid`; `database_unavailable` when the revocations cannot be read
 */
export async function createAuthorizationServer(
  dependencies: AuthorizationServerDependencies & Pick<RevocationsDependencies, 'independence'>,
): Promise<AuthorizationServerComponent> {
  const config = parseAuthorizationServerConfig(dependencies.config);
  const { audit, consentStore } = dependencies;
  const revocations = await createRevocations({
    ...dependencies,
    issuer: config.issuer,
    log: audit,
    grants: consentStore.grants,
  });
  return assembleAuthorizationServer({ ...dependencies, revocations });
}

/** {@link createAuthorizationServer} with a live revocation list that is already running. */
export function assembleAuthorizationServer<Kept extends Revocations>(
  dependencies: AuthorizationServerDependencies & { readonly revocations: Kept },
): AuthorizationServerComponent<Kept> {
  const config = parseAuthorizationServerConfig(dependencies.config);
  const { issuer, region } = config;
  const { clock, random, signer, singleUse, audit, directory, consentStore, federationGateway, revocations } =
    dependencies;
  const tokenKeys = createTokenKeys(signer);
  const nonces = noncesOf(config, dependencies.nonceSecret);
  const clients: ClientEndpointDependencies = {
    clock,
    random,
    singleUse,
    audit,
    directory,
    issuer,
    environment: config.environment,
    clientKeys: createClientKeys({
      ...dependencies,
      holders: dependencies.credentialHolders ?? createCredentialHolderStore(dependencies.pool),
      keyAge: { maxDays: config.clientKeyMaxAgeDays, warnDays: config.clientKeyWarnDays },
    }),
    // Anybody can send proofs, so proof keys have their own cache: a flood of them cannot evict the keys of clients.
    proofKeys: createKeyCache(),
    ...(nonces === undefined ? {} : { nonces }),
    refusals: createRefusalBudget({ failuresPerMinute: config.failedAuthenticationsPerMinute }),
  };

  const codes = createCodes(dependencies);
  const refreshTokens = createRefreshTokens(dependencies);
  const signToken = createTokenSigner(signer);
  const opaqueTokens = createOpaqueTokens({ ...dependencies, region, signToken });
  const consents = {
    idTokens: createIdTokens(signer, issuer),
    refreshTokens,
    grantRegister: consentStore.grants,
    refreshTokenLifetimeDays: config.refreshTokenLifetimeDays,
    grantManagement: config.grantManagement !== 'off',
  };
  const backchannelAuthentication = createBackchannelAuthentication({
    ...dependencies,
    ...clients,
    standings: audit,
    grants: consentStore.grants,
  });
  const grants = new Map(
    [
      clientCredentials(),
      authorizationCode({ ...consents, codes, revocations, authentication: dependencies.authentication }),
      refreshToken({ ...consents, audit, clock, random }),
      ciba({ ...consents, backchannelRequests: backchannelAuthentication.requests }),
      jwtBearer({ federationGateway, issuer }),
      tokenExchange({
        tokenKeys,
        opaqueTokens,
        revocations,
        issuer,
        requestedTokens: requestedTokensOf(config, signer),
      }),
    ].map((grant): [string, GrantHandler] => [grant.grantType, grant]),
  );
  const tokenForms = createTokenForms({ signToken, opaqueTokens });
  const token = createTokenEndpoint({
    clients,
    consentStore,
    policyEngine: dependencies.policyEngine,
    authentication: dependencies.authentication,
    transactionRegistry: dependencies.transactionRegistry,
    grants,
    tokenForms,
    standings: audit,
    accessTokenLifetimeSeconds: config.accessTokenLifetimeSeconds,
  });
  const tokenMemory = createTokenMemory();
  const provisioningTokens = createProvisioningTokenRegister(dependencies);
  const ask = createAskAccessToken({ issuer, token });
  const guard = (audience: string) => {
    const own = createGuard(audience, { ...clients, tokenKeys, tokenMemory, revocations });
    return audience === provisioningInterface(issuer)
      ? takeProvisioningTokens(own, { ...clients, register: provisioningTokens, ask })
      : own;
  };
  const codeFlow = createCodeFlow({
    ...dependencies,
    clients,
    codes,
    userinfoGuard: guard(userinfoAudience(issuer)),
    grantManagement: consents.grantManagement,
  });
  const about = { issuer, tokenKeys, opaqueTokens, revocations, audit, signer, clock, random };

  return {
    token,
    ...createEmergencyTokens({ ...dependencies, tokenForms, issuer }),
    clientEndpoints: {
      pushAuthorization: codeFlow.pushedRequests.push,
      askPerson: backchannelAuthentication.ask,
      introspect: createClientEndpoint(introspection(about), clients),
      revoke: createClientEndpoint(revocation({ ...about, refreshTokens, provisioningTokens }), clients),
      provisioningToken: createClientEndpoint(
        provisioningTokenEndpoint({ issuer, random, register: provisioningTokens, ask }),
        clients,
      ),
    },
    codeFlow,
    backchannelAuthentication,
    revocations,
    revoke: revocations.revoke,
    async keySet() {
      const published = await Promise.all(keySetPurposes.map((purpose) => signer.publicKeys(purpose)));
      return { keys: published.flat().map(({ jwk, kid, algorithm }) => ({ ...jwk, kid, alg: algorithm, use: 'sig' })) };
    },
    metadata: () =>
      describeServer(config, {
        grantTypes: [...grants.keys()],
        applicationDetailTypes: [...dependencies.policyEngine.detailTypes().keys()].sort(),
        acrValues: [],
        backchannelDeliveryModes: backchannelAuthentication.deliveryModes,
      }),
    protectedResource: (uri) => describeProtectedResource(uri, directory.snapshot(), config),
    guard,
    dpopNonce: () => nonces?.current(clock.now()),
    async stop() {
      await Promise.all(
        [codeFlow, backchannelAuthentication, codes, refreshTokens, opaqueTokens, revocations].map((part) =>
          part.stop(),
        ),
      );
    },
  };
}

/**
 * The token types that an exchange can request besides access tokens; none unless transaction tokens or identity chaining
 * are on.
 */
function requestedTokensOf(config: CheckedConfig, signer: Signer): readonly RequestedTokenClass[] {
  const { transactionTokens: transactions, identityChaining: chaining, trustDomains, chainedIssuers } = config;
  return [
    ...(transactions === 'off' ? [] : [transactionTokens({ signer, trustDomains })]),
    ...(chaining === 'off' ? [] : [authorizationGrants({ signer, chainedIssuers })]),
  ];
}

/** The keys that other parties verify with our key set. The key of the log is published with the log. */
const keySetPurposes: readonly KeyPurpose[] = ['access-token', ...idTokenPurposes, 'transaction-token'];

/** How long the server issues one nonce. It accepts a nonce for one to two of these periods. */
const nonceWindowSeconds = 300;

function noncesOf({ dpopNonce }: CheckedConfig, secret: Uint8Array | undefined): Nonces | undefined {
  if (dpopNonce === 'off') return undefined;
  if (secret === undefined)
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail: '/dpopNonce: nonces need a secret of at least 32 octets that every node has',
    });
  return { ...createNonceSource({ secret, windowSeconds: nonceWindowSeconds }), required: dpopNonce === 'required' };
}
