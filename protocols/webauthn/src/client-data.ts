import { parseJson } from '@countersign/kernel';
import { webAuthnErrors } from './errors.ts';

/** Maximum length of client data in octets. */
export const maxClientDataOctets = 4_096;

/** The browser's statement of challenge, origin and ceremony type (WebAuthn Level 3 section 5.8.1). */
export interface ClientData {
  readonly type: string;
  /** Unchanged. */
  readonly challenge: string;
  readonly origin: string;
}

export interface ClientDataExpectations {
  readonly type: 'webauthn.create' | 'webauthn.get';
  /** Base64url. */
  readonly challenge: string;
  /** Accepted exact origins, e.g. `https://id.example.com`. */
  readonly origins: readonly string[];
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads client data. Additional members are ignored, as section 5.8.1 requires. Cross-origin iframes are refused, because no
 * other site may frame our pages.
 *
 * @throws CodedError `credential_malformed`, `origin_wrong`
 */
export function readClientData(octets: Uint8Array): ClientData {
  if (octets.length > maxClientDataOctets) throw malformed(`are longer than ${maxClientDataOctets} octets`);
  let text: string;
  try {
    text = utf8.decode(octets);
  } catch {
    throw malformed('are not UTF-8');
  }
  const parsed = parseJson(text, { maxLength: maxClientDataOctets });
  if (!parsed.ok) throw malformed(`cannot be read: ${parsed.problem}`);
  const { type, challenge, origin, crossOrigin, topOrigin } = membersOf(parsed.value);
  if (typeof type !== 'string' || typeof challenge !== 'string' || typeof origin !== 'string')
    throw malformed('lack the type, the challenge or the origin');
  if (crossOrigin !== undefined && typeof crossOrigin !== 'boolean') throw malformed('have an unknown crossOrigin');
  if (crossOrigin === true || topOrigin !== undefined)
    throw webAuthnErrors.error('origin_wrong', 'The key was used on a page inside a page of somebody else.');
  return { type, challenge, origin };
}

/** @throws CodedError `credential_malformed` (another ceremony), `challenge_mismatch`, `origin_wrong` */
export function requireClientData({ type, challenge, origin }: ClientData, expected: ClientDataExpectations): void {
  if (type !== expected.type) throw malformed(`are of another ceremony than ${expected.type}`);
  // Text comparison is sufficient: each challenge has exactly one base64url form.
  if (challenge !== expected.challenge)
    throw webAuthnErrors.error('challenge_mismatch', 'The key signed something else than it was asked to sign.');
  if (!expected.origins.includes(origin))
    throw webAuthnErrors.error('origin_wrong', 'The key was used at another address than ours.');
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('are not an object');
  return { ...value };
}

function malformed(problem: string) {
  return webAuthnErrors.error('credential_malformed', `The client data ${problem}.`);
}
