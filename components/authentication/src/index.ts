import type { ComponentMigrations } from '@countersign/runtime';

export { type AuthenticationDependencies, createAuthentication, type RunningAuthentication } from './authentication.ts';
export type { RunningAuthenticators } from './authenticators/authenticators.ts';
export { type PeopleRoutes, peopleRoutes } from './authenticators/http.ts';
export { type AuthenticationConfiguration, authenticationConfigurationSchema } from './config.ts';
export { authenticationRoutes } from './http.ts';
export { cardMethod } from './methods/card.ts';
export {
  type CertificateMethod,
  type CertificateMethodDependencies,
  createCertificateMethod,
} from './methods/certificate/method.ts';
export { type CertificateSignInConfiguration, certificateSignInSchema } from './methods/certificate/settings.ts';
export {
  createFederatedMethod,
  type FederatedMethodDependencies,
  federatedCallbackPath,
} from './methods/federated/method.ts';
export { type FederatedSignInConfiguration, federatedSignInSchema } from './methods/federated/settings.ts';
export { type RiskConfiguration, riskSchema } from './risk/config.ts';
export type { Risk } from './risk/risk.ts';
export { createRisk } from './risk/risk.ts';
export {
  createSignalsReplica,
  type SignalsReplica,
  type SignalsReplicaDependencies,
} from './risk/signals-replica.ts';
export { activityFromLog } from './self-service/activity.ts';
export { type SelfServicePages, selfServicePages } from './self-service/routes.ts';
export type {
  ActivityPage,
  OwnActivity,
  OwnDevice,
  OwnGrant,
  OwnMandate,
  SelfServiceSources,
} from './self-service/sources.ts';
export { type SessionRoutes, sessionRoutes } from './sessions/http.ts';

export const authenticationMigrations: ComponentMigrations = {
  name: 'authentication',
  schema: 'authentication',
  role: 'countersign_authentication',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
