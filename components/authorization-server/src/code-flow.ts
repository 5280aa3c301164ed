import type {
  AuditLog,
  Authentication,
  ConsentStore,
  Outbound,
  PolicyEngine,
  ResourceGuard,
  Signer,
} from '@countersign/contracts';
import type { Logger, RowSeal } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import {
  authorizationRoutes,
  createAuthorizationEndpoint,
  interactionLifetimeSeconds,
} from './authorization-endpoint/index.ts';
import type { ClientEndpointDependencies } from './client-endpoint/index.ts';
import type { createCodes } from './codes/index.ts';
import { createBackchannelLogout, createLogout, createSessionClients, logoutRoutes } from './logout/index.ts';
import { createPushedRequests, type PushedRequests } from './pushed-requests/index.ts';
import { createUserinfo, userinfoRoutes } from './userinfo.ts';

export interface CodeFlowDependencies {
  readonly clients: ClientEndpointDependencies;
  readonly pool: pg.Pool;
  readonly rowSeal: RowSeal;
  readonly audit: Pick<AuditLog, 'append' | 'search' | 'standings'>;
  readonly signer: Signer;
  readonly policyEngine: Pick<PolicyEngine, 'detailTypes'>;
  readonly authentication: Authentication;
  readonly consentStore: Pick<ConsentStore, 'grants'>;
  readonly outbound: Outbound;
  readonly codes: ReturnType<typeof createCodes>;
  readonly userinfoGuard: ResourceGuard;
  readonly grantManagement: boolean;
  readonly logger: Logger;
}

export interface CodeFlow {
  readonly pushedRequests: PushedRequests;
  /** For the listener of the issuer. */
  mountPages(app: FastifyInstance): void;
  /** @param baseUrl of the listener */
  mountUserinfo(app: FastifyInstance, baseUrl: string): void;
  stop(): Promise<void>;
}

export function createCodeFlow(dependencies: CodeFlowDependencies): CodeFlow {
  const { clients, consentStore, userinfoGuard } = dependencies;
  const { clock, random, issuer, directory, environment } = clients;
  const common = { ...dependencies, clock, random, issuer, directory, environment };
  const pushing = { ...clients, ...common, standings: dependencies.audit };
  const pushedRequests = createPushedRequests(pushing, interactionLifetimeSeconds);
  const sessionClients = createSessionClients(common);
  const { grants } = consentStore;
  const authorizationEndpoint = createAuthorizationEndpoint({ ...common, grants, pushedRequests, sessionClients });
  const backchannelLogout = createBackchannelLogout(common);
  const logout = createLogout({ ...common, backchannelLogout });
  const userinfo = createUserinfo({ guard: userinfoGuard, directory });
  return {
    pushedRequests,
    mountPages(app) {
      authorizationRoutes(app, { ...common, authorizationEndpoint });
      logoutRoutes(app, { ...common, logout });
    },
    mountUserinfo: (app, baseUrl) => userinfoRoutes(app, { userinfo, baseUrl }),
    async stop() {
      const parts = [pushedRequests, sessionClients, authorizationEndpoint, backchannelLogout];
      await Promise.all(parts.map((part) => part.stop()));
    },
  };
}
