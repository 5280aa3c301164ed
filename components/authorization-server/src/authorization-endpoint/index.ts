export { createAuthorizationEndpoint, interactionLifetimeSeconds } from './authorization-endpoint.ts';
export { authorizationRoutes } from './http.ts';
