import { SettingsService, verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';

// The one door to the library. It brings roots of its own for some formats and, where it has a root, fetches the
// revocation lists that a certificate names: addresses of the sender's choice. Without roots it verifies what was signed
// and leaves the chain to us, who ask nobody.
for (const identifier of ['apple', 'android-key', 'android-safetynet', 'packed', 'tpm', 'fido-u2f'] as const)
  SettingsService.setRootCertificates({ identifier, certificates: [] });

export { verifyAuthenticationResponse, verifyRegistrationResponse };
