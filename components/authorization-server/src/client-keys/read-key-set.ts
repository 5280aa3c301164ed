import { CodedError, decodeBase64, isCodedError } from '@countersign/kernel';
import { importVerificationKey, type RegisteredKey, readCertificate, type VerificationKey } from '@countersign/oauth';

const maxKeys = 20;
/** Including `kid` values no longer published. */
const maxPinned = 200;
/** In base64. */
const maxCertificateLength = 8_192;

export interface ClientKeySet {
  readonly keys: readonly RegisteredKey[];
  /** Thumbprints (`x5c`). */
  readonly certificates: ReadonlySet<string>;
  /** The thumbprint that each `kid` has ever identified. */
  readonly pinned: ReadonlyMap<string, string>;
}

export interface SkippedKey {
  /** A code of `keyErrors`, or `kid_reused`, `kid_repeated`, `certificate_not_of_key` (its certificate alone). */
  readonly code: string;
  readonly kid?: string;
}

/**
 * RFC 7517 section 5. A private, weak or unknown key is skipped. A `kid` identifies one key for ever; otherwise verifiers would
 * disagree on what was signed.
 *
 * @throws CodedError `key_set_malformed`
 */
export function readKeySet(
  document: unknown,
  before: ClientKeySet['pinned'],
  skip: (skipped: SkippedKey) => void,
): ClientKeySet {
  const members = membersOf(document);
  const names = members.flatMap((jwk) => kidOf(jwk) ?? []);
  const keys: RegisteredKey[] = [];
  const certificates = new Set<string>();
  const pinned = new Map(before);
  for (const jwk of members) {
    const kid = kidOf(jwk);
    const named = kid === undefined ? {} : { kid };
    const key = importKey(jwk, (code) => skip({ code, ...named }));
    if (key === undefined) continue;
    if (kid !== undefined) {
      if (names.filter((name) => name === kid).length > 1) {
        skip({ code: 'kid_repeated', kid });
        continue;
      }
      if ((pinned.get(kid) ?? key.thumbprint) !== key.thumbprint) {
        skip({ code: 'kid_reused', kid });
        continue;
      }
      pin(pinned, kid, key.thumbprint);
    }
    keys.push({ ...named, key });
    const certificate = certificateOf(jwk, key, (code) => skip({ code, ...named }));
    if (certificate !== undefined) certificates.add(certificate);
  }
  return { keys, certificates, pinned };
}

type Members = Readonly<Partial<Record<string, unknown>>>;

function membersOf(document: unknown): readonly Members[] {
  const keys = isObject(document) ? document['keys'] : undefined;
  if (!Array.isArray(keys)) throw malformed('It is not a JWK Set.');
  if (keys.length > maxKeys) throw malformed(`It holds more than ${maxKeys} keys.`);
  return keys.filter(isObject);
}

function kidOf(jwk: Members): string | undefined {
  const { kid } = jwk;
  return typeof kid === 'string' && kid.length > 0 && kid.length <= 256 ? kid : undefined;
}

function importKey(jwk: Members, skip: (code: string) => void): VerificationKey | undefined {
  // Not relevant here.
  if (jwk['use'] === 'enc') return undefined;
  try {
    return importVerificationKey(jwk);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    skip(error.code);
    return undefined;
  }
}

function pin(pinned: Map<string, string>, kid: string, thumbprint: string): void {
  const [oldest] = pinned.keys();
  // The longest unused are forgotten first.
  pinned.delete(kid);
  if (pinned.size >= maxPinned && oldest !== undefined) pinned.delete(oldest);
  pinned.set(kid, thumbprint);
}

/** RFC 7517 section 4.7. @returns its thumbprint */
function certificateOf(jwk: Members, key: VerificationKey, skip: (code: string) => void): string | undefined {
  const chain = jwk['x5c'];
  if (chain === undefined) return undefined;
  const first: unknown = Array.isArray(chain) ? chain[0] : undefined;
  const der = typeof first === 'string' && first.length <= maxCertificateLength ? decodeBase64(first) : undefined;
  const certificate = der === undefined ? undefined : readOrUndefined(der);
  if (certificate?.keyThumbprint === key.thumbprint) return certificate.thumbprint;
  skip('certificate_not_of_key');
  return undefined;
}

function readOrUndefined(der: Uint8Array) {
  try {
    return readCertificate(der);
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(problem: string) {
  return new CodedError({
    code: 'key_set_malformed',
    category: 'invalid',
    detail: `The key set of the client cannot be used. ${problem}`,
  });
}
