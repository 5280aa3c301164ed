export {
  type BackchannelAuthentication,
  type BackchannelAuthenticationOptions,
  type BackchannelAuthenticationResponse,
  cibaGrantType,
  createBackchannelAuthentication,
} from './backchannel-authentication.ts';
export { backchannelAuthenticationRoutes } from './http.ts';
