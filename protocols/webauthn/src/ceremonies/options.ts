import type { Json } from '@countersign/kernel';
import { algorithms } from '../cose-key.ts';
import { asksForAttestation, type RegistrationRule } from './judge-registration.ts';

/** Who asks. */
export interface RelyingParty {
  /** A registrable domain or a part of one, e.g. `id.example.com`: keys answer to it and what is below it alone. */
  readonly rpId: string;
  /** Exact origins of our pages, e.g. `https://id.example.com`. */
  readonly origins: readonly string[];
}

/** A credential that is known, as browsers are told of it. */
export interface CredentialDescriptor {
  /** Base64url. */
  readonly credentialId: string;
  /** As the browser named them when it was registered. */
  readonly transports?: readonly string[];
}

/** PublicKeyCredentialCreationOptionsJSON (WebAuthn Level 3 section 5.1.8). */
export type CreationOptions = { readonly challenge: string } & Readonly<Record<string, Json>>;
/** PublicKeyCredentialRequestOptionsJSON (WebAuthn Level 3 section 5.1.9). */
export type RequestOptions = { readonly challenge: string } & Readonly<Record<string, Json>>;

/**
 * What a browser needs to make a credential: discoverable, so that a sign-in need not name anybody, with user verification,
 * and attested where the rule asks for it.
 *
 * @param request.challenge 16 to 64 unguessable octets, base64url
 * @param request.user.handle 1 to 64 octets that say nothing about the person, base64url; the key keeps them
 * @param request.exclude what the person has already: the key in their hand is then not registered twice
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
  /** Of the installation, as browsers show it. */
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
 * What a browser needs to have a challenge signed.
 *
 * @param request.allow the credentials that may answer; any discoverable one when left out or empty, which shows nothing
 *   about anybody
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
