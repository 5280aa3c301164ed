export { createBackchannelLogout } from './backchannel-logout.ts';
export { logoutRoutes } from './http.ts';
export { createLogout } from './logout.ts';
export { createSessionClients, type SessionClients } from './session-clients.ts';
