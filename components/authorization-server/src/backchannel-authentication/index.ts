export {
  type BackchannelAuthentication,
  type BackchannelAuthenticationResponse,
  createBackchannelAuthentication,
} from './backchannel-authentication.ts';
export type { BackchannelRequests } from './redeem.ts';
