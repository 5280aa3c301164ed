import type {
  AuditAppender,
  AuthorizationServer,
  ConsentStore,
  Directory,
  FederationGateway,
  PolicyEngine,
  Signer,
  SingleUse,
  TransactionRegistry,
} from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import { scopes } from '@countersign/market';
import { createKeyCache, signatureAlgorithms } from '@countersign/oauth';
import type { Logger } from '@countersign/runtime';
import { createClientKeys } from './client-keys.ts';
import { type AuthorizationServerConfig, parseAuthorizationServerConfig } from './config.ts';
import { clientCredentials } from './grants/client-credentials.ts';
import { jwtBearer } from './grants/jwt-bearer.ts';
import { tokenExchange } from './grants/token-exchange.ts';
import { createGuard } from './guard.ts';
import { intentActions } from './token-endpoint/check-details.ts';
import { createTokenSigner } from './token-endpoint/issue.ts';
import { createTokenEndpoint } from './token-endpoint/token-endpoint.ts';
import { createTokenKeys } from './token-keys.ts';

export interface AuthorizationServerDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly signer: Signer;
  readonly singleUse: SingleUse;
  readonly audit: AuditAppender;
  readonly directory: Directory;
  readonly consentStore: Pick<ConsentStore, 'check'>;
  readonly policyEngine: Pick<PolicyEngine, 'decide'>;
  readonly transactionRegistry: Pick<TransactionRegistry, 'open' | 'facts'>;
  readonly federationGateway: FederationGateway;
  readonly config: AuthorizationServerConfig;
  readonly logger: Logger;
}

/**
 * The authorization server: machine, federated and multi-hop tokens at FAPI 2.0 grade. See the contract for what
 * it promises.
 *
 * @throws CodedError `configuration_invalid`
 */
export function createAuthorizationServer(dependencies: AuthorizationServerDependencies): AuthorizationServer {
  const config = parseAuthorizationServerConfig(dependencies.config);
  const { issuer } = config;
  const { clock, random, signer, singleUse, audit, directory, federationGateway } = dependencies;
  const tokenKeys = createTokenKeys(signer);
  // Keys of proofs come from whoever asks: they have a cache of their own, so that a flood of them evicts no client's.
  const proofKeys = createKeyCache();
  const grants = new Map(
    [clientCredentials(), jwtBearer({ federationGateway, issuer }), tokenExchange({ tokenKeys, issuer })].map(
      (grant) => [grant.grantType, grant],
    ),
  );
  const token = createTokenEndpoint({
    clock,
    random,
    singleUse,
    audit,
    directory,
    consentStore: dependencies.consentStore,
    policyEngine: dependencies.policyEngine,
    transactionRegistry: dependencies.transactionRegistry,
    grants,
    clientKeys: createClientKeys(dependencies.logger),
    proofKeys,
    signToken: createTokenSigner(signer),
    config,
  });

  return {
    token,
    async keySet() {
      const published = await signer.publicKeys('access-token');
      return { keys: published.map(({ jwk, kid, algorithm }) => ({ ...jwk, kid, alg: algorithm, use: 'sig' })) };
    },
    metadata: () => ({
      issuer,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      scopes_supported: scopes,
      response_types_supported: [],
      grant_types_supported: [...grants.keys()],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
      token_endpoint_auth_signing_alg_values_supported: signatureAlgorithms,
      dpop_signing_alg_values_supported: signatureAlgorithms,
      authorization_details_types_supported: Object.keys(intentActions),
    }),
    guard: (audience) =>
      createGuard(audience, { clock, random, singleUse, audit, directory, tokenKeys, proofKeys, issuer }),
  };
}
