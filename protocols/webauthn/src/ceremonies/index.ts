export type { PublicJwk } from '../cose-key.ts';
export {
  type AttestationTrust,
  type AuthenticatorModel,
  attestationTrustErrors,
  noAttestationTrust,
  readAttestationTrust,
} from './attestation-trust.ts';
export {
  type AttestationWorth,
  type JudgedAuthenticator,
  type Judgement,
  judgeRegistration,
  type RegistrationRule,
  strictestRule,
} from './judge-registration.ts';
export {
  authenticationOptions,
  type CreationOptions,
  type CredentialDescriptor,
  type RelyingParty,
  type RequestOptions,
  registrationOptions,
} from './options.ts';
export { type Assertion, type Registration, readAssertion, readRegistration } from './read-responses.ts';
export {
  type RegisteredCredential,
  type VerifiedAuthentication,
  verifyAuthentication,
} from './verify-authentication.ts';
export { attestationFormats, type VerifiedRegistration, verifyRegistration } from './verify-registration.ts';
