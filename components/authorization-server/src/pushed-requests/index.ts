export {
  createPushedRequests,
  type PushedAuthorizationResponse,
  type PushedRequests,
  type PushedRequestsOptions,
} from './pushed-requests.ts';
