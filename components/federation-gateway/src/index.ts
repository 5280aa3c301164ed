export { type ConfiguredExchangeDependencies, createConfiguredExchange } from './configured-exchange.ts';
export { createFederationGateway, type FederationGatewayDependencies } from './federation-gateway.ts';
export { createOutbound, type OutboundDependencies } from './outbound.ts';
export { createPartnerKeys, type PartnerKeys, type PartnerKeyTimes } from './partner-keys.ts';
export { createPartnerSignIns, type PartnerSignInsDependencies } from './partner-sign-ins.ts';
