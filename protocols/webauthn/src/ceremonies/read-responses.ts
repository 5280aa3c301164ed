import { decodeBase64Url, parseJson } from '@countersign/kernel';
import { maxAuthenticatorDataOctets, maxCredentialIdOctets } from '../authenticator-data.ts';
import { maxClientDataOctets } from '../client-data.ts';
import { webAuthnErrors } from '../errors.ts';
import type { AssertionOctets } from '../verify-assertion.ts';
import { maxSignatureOctets } from '../verify-assertion.ts';

/** Maximum length of an attestation object in octets: authenticator data and a chain of certificates. */
export const maxAttestationObjectOctets = 32_768;
const maxUserHandleOctets = 64;

/** A parsed, unverified AuthenticationResponseJSON (WebAuthn Level 3 section 5.2.2). */
export interface Assertion extends AssertionOctets {
  /** Base64url. Identifies the verification key. */
  readonly credentialId: string;
  /** Base64url; the user handle that the authenticator stored at registration. */
  readonly userHandle?: string;
}

/** A parsed, unverified RegistrationResponseJSON (section 5.2.1). */
export interface Registration {
  readonly credentialId: string;
  readonly clientDataJSON: Uint8Array;
  readonly attestationObject: Uint8Array;
  readonly transports: readonly string[];
}

/**
 * Parses a result of `navigator.credentials.get` within size limits.
 *
 * @param credential the JSON value, or its text
 * @throws CodedError `credential_malformed`
 */
export function readAssertion(credential: unknown): Assertion {
  const { id, response } = readCredential(credential);
  const userHandle = response['userHandle'];
  return {
    credentialId: id,
    authenticatorData: octets(response['authenticatorData'], maxAuthenticatorDataOctets, 'authenticatorData'),
    clientDataJSON: octets(response['clientDataJSON'], maxClientDataOctets, 'clientDataJSON'),
    signature: octets(response['signature'], maxSignatureOctets, 'signature'),
    ...(userHandle === undefined || userHandle === null
      ? {}
      : { userHandle: octets(userHandle, maxUserHandleOctets, 'userHandle').toString('base64url') }),
  };
}

/** Like {@link readAssertion}, for `navigator.credentials.create`. @throws CodedError `credential_malformed` */
export function readRegistration(credential: unknown): Registration {
  const { id, response } = readCredential(credential);
  return {
    credentialId: id,
    clientDataJSON: octets(response['clientDataJSON'], maxClientDataOctets, 'clientDataJSON'),
    attestationObject: octets(response['attestationObject'], maxAttestationObjectOctets, 'attestationObject'),
    transports: transportsOf(response['transports']),
  };
}

const maxTextLength = 131_072;

function readCredential(credential: unknown): { id: string; response: Readonly<Record<string, unknown>> } {
  const { id, rawId, type, response } = membersOf(typeof credential === 'string' ? parse(credential) : credential);
  if (type !== 'public-key') throw malformed('is not of type public-key');
  const credentialId = octets(id, maxCredentialIdOctets, 'id').toString('base64url');
  // `id` and `rawId` must match, or different readers could select different keys.
  if (rawId !== credentialId) throw malformed('has an id that is not its rawId');
  return { id: credentialId, response: membersOf(response) };
}

function parse(text: string): unknown {
  const read = parseJson(text, { maxLength: maxTextLength });
  if (!read.ok) throw malformed(`cannot be read: ${read.problem}`);
  return read.value;
}

/** Hints for later browsers. Malformed values are ignored. */
function transportsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  const items: readonly unknown[] = value.slice(0, 8);
  // Strings, as filtered.
  return items.filter((item) => typeof item === 'string' && /^[a-z-]{1,20}$/.test(item)) as string[];
}

function octets(value: unknown, most: number, name: string): Buffer {
  const decoded =
    typeof value === 'string' && value.length <= Math.ceil((most * 4) / 3) ? decodeBase64Url(value) : undefined;
  if (decoded === undefined || decoded.length === 0)
    throw malformed(`has a ${name} that is not base64url of 1 to ${most} octets`);
  return decoded;
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('is not an object');
  return { ...value };
}

function malformed(problem: string) {
  return webAuthnErrors.error('credential_malformed', `The answer of the browser ${problem}.`);
}
