export {
  type BackchannelLogout,
  type BackchannelLogoutDependencies,
  createBackchannelLogout,
} from './backchannel-logout.ts';
export { logoutRoutes } from './http.ts';
export { createLogout, type Logout, type LogoutDependencies } from './logout.ts';
export { createSessionClients, type SessionClients } from './session-clients.ts';
