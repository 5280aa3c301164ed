export {
  type BackchannelAuthentication,
  type BackchannelAuthenticationDependencies,
  type BackchannelAuthenticationOptions,
  type BackchannelAuthenticationResponse,
  cibaGrantType,
  createBackchannelAuthentication,
} from './backchannel-authentication.ts';
export { backchannelAuthenticationPath, backchannelAuthenticationRoutes } from './http.ts';
