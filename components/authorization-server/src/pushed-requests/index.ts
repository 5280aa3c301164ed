export {
  bindProofKey,
  createPushedRequests,
  type PushedAuthorizationResponse,
  type PushedRequests,
  type PushedRequestsOptions,
  requestUriPrefix,
} from './pushed-requests.ts';
export { createPushedRequestStore, type PushedRequestStore, pushedRequestThing } from './store.ts';
