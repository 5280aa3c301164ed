export {
  type AttestationAuthority,
  type AttestationAuthorityOptions,
  type AttestationKey,
  createAttestationAuthority,
  type SavedAttestationAuthority,
} from './attestation-authority.ts';
export type { SoftwareAlgorithm } from './credential-key.ts';
export {
  type AuthenticationResponse,
  type CeremonyBehaviour,
  createSoftwareAuthenticator,
  type RegistrationResponse,
  type SavedCredential,
  type SoftwareAuthenticator,
  type SoftwareAuthenticatorOptions,
} from './software-authenticator.ts';
