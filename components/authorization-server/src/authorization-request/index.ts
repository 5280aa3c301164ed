export { type ConsentLifetimes, checkPerson, defaultConsentLifetimes, grantExpiry } from './check-person.ts';
export { type CheckedRequest, checkAuthorizationRequest, checkResponseTarget } from './check-request.ts';
export {
  applicationDigests,
  checkRequestedDetails,
  checkRequestedResource,
  checkRequestedScopes,
  mostDetails,
  type RequestRules,
} from './check-requested-terms.ts';
export { refuse, tellsClient } from './refusals.ts';
