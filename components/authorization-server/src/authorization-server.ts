import type {
  AuditLog,
  Authentication,
  AuthorizationServer,
  ClientRequest,
  ConsentStore,
  Directory,
  FederationGateway,
  KeyLister,
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
  createWorkloadCredentials,
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
  acceptProvisioningTokens,
  createAskAccessToken,
  createProvisioningTokenRegister,
  provisioningInterface,
  provisioningTokenEndpoint,
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
  /** Keys of JWT-SVIDs; without it, no client authenticates by one. */
  readonly workloadKeys?: KeyLister;
  readonly authentication: Authentication;
  /** Lets people sign an intent on their own device. Without it, that works in development only. */
  readonly statements?: Statements;
  /** The consent pages link to its approval pages. */
  readonly transactions?: Pick<TransactionRegistry, 'waitingFor'>;
  /** As the component's role, with synchronous commits. */
  readonly pool: pg.Pool;
  /** Its key is the same on every node and not in the database. */
  readonly rowSeal: RowSeal;
  /** Which client holds each key or certificate; in the database by default. */
  readonly credentialHolders?: CredentialHolderStore;
  /** At least 32 octets, the same on every node, for DPoP nonces only; required if they are issued. */
  readonly nonceSecret?: Uint8Array;
  /** At least 32 octets, the same on every node, for CIBA ping tokens only. Without it, ping mode is not served. */
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

/** The FAPI 2.0 authorization server. @throws CodedError `configuration_invalid`; `database_unavailable` */
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
    // A flood of proofs must not evict the keys of clients, so proof keys have their own cache.
    proofKeys: createKeyCache(),
    workloads: createWorkloadCredentials({ audit, issuer, workloadKeys: dependencies.workloadKeys }),
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
    ...dependencies,
    clients,
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
      ? acceptProvisioningTokens(own, { ...clients, register: provisioningTokens, ask })
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
      const parts = [codeFlow, backchannelAuthentication, codes, refreshTokens, opaqueTokens, revocations];
      await Promise.all(parts.map((part) => part.stop()));
    },
  };
}

/** Token types that an exchange can request besides access tokens. */
function requestedTokensOf(config: CheckedConfig, signer: Signer): readonly RequestedTokenClass[] {
  const { transactionTokens: transactions, identityChaining: chaining, trustDomains, chainedIssuers } = config;
  return [
    ...(transactions === 'off' ? [] : [transactionTokens({ signer, trustDomains })]),
    ...(chaining === 'off' ? [] : [authorizationGrants({ signer, chainedIssuers })]),
  ];
}

/** Purposes of the keys in our key set. The log publishes its own key. */
const keySetPurposes: readonly KeyPurpose[] = ['access-token', ...idTokenPurposes, 'transaction-token'];

/** A nonce is issued for one such period and accepted for one to two. */
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
