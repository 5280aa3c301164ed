import { createHash, verify } from 'node:crypto';
import { type CodedError, decodeBase64, errorVocabulary } from '@countersign/kernel';
import type { VerificationKey } from '@countersign/oauth/signatures';

export const eventErrors = errorVocabulary({
  event_malformed: 'invalid',
  /** Unsigned, signed over other components, or by another key. */
  event_signature: 'unauthenticated',
  event_key_unknown: 'unauthenticated',
  /** It may be a replay. */
  event_stale: 'unauthenticated',
});

export interface ReceivedRequest {
  readonly method: string;
  /** Names in lower case, as in Node. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** A signature over fewer components could be moved to another message. */
const components = ['@method', '@target-uri', 'content-digest', 'content-type'];
const maxFieldLength = 1_024;

/** One signature of the profile (RFC 9421 section 4.1, RFC 9651). */
const inputPattern =
  /^([a-z*][a-z0-9_.*-]{0,31})=(\(("[a-z@-]+"(?: "[a-z@-]+")*)\)((?:;[a-z]+=(?:[0-9]{1,15}|"[ !#-[\]-~]*"))+))$/;
const parameterPattern = /;([a-z]+)=(?:([0-9]{1,15})|"([ !#-[\]-~]*)")/g;

interface SignatureInput {
  readonly covered: readonly string[];
  /** Exactly as received, because the signature covers it. */
  readonly parameters: string;
  readonly keyid: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly expires: number;
  readonly signature: Buffer;
}

/**
 * RFC 9421. The profile allows one signature, ecdsa-p256-sha256, over method, target, content type and content digest
 * (RFC 9530). @param expected.targetUri as the sender used it @param expected.maxAgeSeconds in the past or future
 * @throws CodedError of {@link eventErrors}
 */
export function verifyMessageSignature(
  request: ReceivedRequest,
  keyOf: (kid: string) => VerificationKey | undefined,
  expected: { readonly targetUri: string; readonly now: number; readonly maxAgeSeconds: number },
): void {
  const digest = fieldOf(request, 'content-digest');
  if (digest !== contentDigest(request.body))
    throw refuse('event_signature', 'Its content digest is not that of its body.');
  const input = readInput(fieldOf(request, 'signature-input'), fieldOf(request, 'signature'));
  const key = keyOf(input.keyid);
  if (key === undefined) throw refuse('event_key_unknown', 'It names no key of the control plane that is in use.');
  if (key.algorithm !== 'ES256') throw refuse('event_signature', 'Its key is not for ecdsa-p256-sha256.');
  const values: Readonly<Record<string, string>> = {
    '@method': request.method.toUpperCase(),
    '@target-uri': expected.targetUri,
    'content-digest': digest,
    'content-type': fieldOf(request, 'content-type'),
  };
  const base = [
    ...input.covered.map((name) => `"${name}": ${values[name] ?? ''}`),
    `"@signature-params": ${input.parameters}`,
  ].join('\n');
  const signed = verify('sha256', Buffer.from(base), { key: key.key, dsaEncoding: 'ieee-p1363' }, input.signature);
  if (!signed) throw refuse('event_signature', 'Its signature does not verify.');
  const now = expected.now / 1000;
  if (Math.abs(now - input.created) > expected.maxAgeSeconds || now >= input.expires)
    throw refuse('event_stale', `It was not signed within ${expected.maxAgeSeconds} seconds of now.`);
}

function readInput(inputField: string, signatureField: string): SignatureInput {
  const [, label, parameters, list, rest] = inputPattern.exec(inputField) ?? [];
  if (label === undefined || parameters === undefined || list === undefined || rest === undefined)
    throw refuse('event_signature', 'Its Signature-Input is not one signature with its parameters.');
  const covered = list.split(' ').map((name) => name.slice(1, -1));
  if (covered.length !== components.length || components.some((name) => !covered.includes(name)))
    throw refuse('event_signature', `Its signature must cover ${components.join(', ')}, each once.`);
  const named = new Map<string, string>();
  for (const [, name = '', number, text] of rest.matchAll(parameterPattern)) {
    if (named.has(name)) throw refuse('event_signature', 'Its signature names a parameter twice.');
    named.set(name, number ?? text ?? '');
  }
  const keyid = named.get('keyid');
  const created = Number(named.get('created') ?? 'none');
  const expires = Number(named.get('expires') ?? Number.POSITIVE_INFINITY);
  if (keyid === undefined || !Number.isSafeInteger(created) || Number.isNaN(expires))
    throw refuse('event_signature', 'Its signature lacks `created` or `keyid`.');
  if ((named.get('alg') ?? 'ecdsa-p256-sha256') !== 'ecdsa-p256-sha256')
    throw refuse('event_signature', 'Its signature must be ecdsa-p256-sha256.');
  const prefix = `${label}=:`;
  const encoded =
    signatureField.startsWith(prefix) && signatureField.endsWith(':') ? signatureField.slice(prefix.length, -1) : '';
  const signature = decodeBase64(encoded);
  if (signature?.length !== 64) throw refuse('event_signature', 'Its Signature is not the one that is described.');
  return { covered, parameters, keyid, created, expires, signature };
}

/** RFC 9530. */
function contentDigest(body: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
}

function fieldOf({ headers }: ReceivedRequest, name: string): string {
  const value = headers[name];
  if (typeof value !== 'string' || value.length > maxFieldLength)
    throw refuse('event_signature', `It must come with ${name}, once.`);
  return value.trim();
}

function refuse(code: keyof typeof eventErrors.codes, detail: string): CodedError {
  return eventErrors.error(code, `The event is not accepted. ${detail}`);
}
