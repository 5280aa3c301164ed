import type { Json } from '@countersign/kernel';
import { algorithms } from '../cose-key.ts';
import { asksForAttestation, type RegistrationRule } from './judge-registration.ts';

export interface RelyingParty {
  /** A registrable domain or a part of one, e.g. `id.example.com`: keys respond only to this domain and its subdomains. */
  readonly rpId: string;
  /** Exact origins of our pages, e.g. `https://id.example.com`. */
  readonly origins: readonly string[];
}

export interface CredentialDescriptor {
  /** Base64url. */
  readonly credentialId: string;
  /** As reported by the browser at registration. */
  readonly transports?: readonly string[];
}

/** PublicKeyCredentialCreationOptionsJSON (WebAuthn Level 3 section 5.1.8). */
export type CreationOptions = { readonly challenge: string } & Readonly<Record<string, Json>>;
/** PublicKeyCredentialRequestOptionsJSON (WebAuthn Level 3 section 5.1.9). */
export type RequestOptions = { readonly challenge: string } & Readonly<Record<string, Json>>;

/**
 * Builds the options to create a credential: discoverable, so that sign-in needs no user name; with user verification; and
 * with attestation if the rule requires it.
 *
 * @param request.challenge 16 to 64 unguessable octets, base64url
 * @param request.user.handle 1 to 64 octets, base64url, without personal data; the authenticator stores them
 * @param request.exclude the person's existing credentials, so that the same authenticator is not registered twice
 */
export function registrationOptions({
  relyingParty,
  name,
  user,
  challenge,
  rule,
  exclude = [],
  timeoutSeconds = 120,
}: {
  readonly relyingParty: Pick<RelyingParty, 'rpId'>;
  /** Name of the installation as shown by browsers. */
  readonly name: string;
  readonly user: { readonly handle: string; readonly name: string; readonly displayName: string };
  readonly challenge: string;
  readonly rule: RegistrationRule;
  readonly exclude?: readonly CredentialDescriptor[];
  readonly timeoutSeconds?: number;
}): CreationOptions {
  return {
    rp: { id: relyingParty.rpId, name },
    user: { id: user.handle, name: user.name, displayName: user.displayName },
    challenge,
    pubKeyCredParams: algorithms.map((alg) => ({ type: 'public-key', alg })),
    timeout: timeoutSeconds * 1000,
    excludeCredentials: exclude.map(descriptor),
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
    attestation: asksForAttestation(rule) ? 'direct' : 'none',
  };
}

/**
 * Builds the options to sign a challenge.
 *
 * @param request.allow the permitted credentials; if absent or empty, any discoverable one, which reveals nothing about users
 */
export function authenticationOptions({
  relyingParty,
  challenge,
  allow = [],
  timeoutSeconds = 120,
}: {
  readonly relyingParty: Pick<RelyingParty, 'rpId'>;
  readonly challenge: string;
  readonly allow?: readonly CredentialDescriptor[];
  readonly timeoutSeconds?: number;
}): RequestOptions {
  return {
    challenge,
    rpId: relyingParty.rpId,
    timeout: timeoutSeconds * 1000,
    allowCredentials: allow.map(descriptor),
    userVerification: 'required',
  };
}

function descriptor({ credentialId, transports }: CredentialDescriptor): Json {
  return {
    type: 'public-key',
    id: credentialId,
    ...(transports === undefined || transports.length === 0 ? {} : { transports: [...transports] }),
  };
}
