export { createFederationGateway, type FederationGatewayDependencies } from './federation-gateway.ts';
export type { PartnerKeyTimes } from './partner-keys.ts';
