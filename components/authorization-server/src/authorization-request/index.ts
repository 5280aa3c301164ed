export { checkPerson, grantExpiry } from './check-person.ts';
export { type CheckedRequest, checkAuthorizationRequest, checkResponseTarget } from './check-request.ts';
export {
  applicationDigests,
  checkRequestedDetails,
  checkRequestedResource,
  checkRequestedScopes,
  maxDetails,
  type RequestRules,
} from './check-requested-terms.ts';
export { isForClient, refuse } from './refusals.ts';
