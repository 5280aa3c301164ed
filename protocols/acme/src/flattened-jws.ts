import { isUtf8 } from 'node:buffer';
import { decodeBase64Url, type Json, membersOf, parseJson } from '@countersign/kernel';
import { acmeErrors } from './errors.ts';

/** Maximum length of a request body, in octets. */
export const maxRequestLength = 65_536;

export type Members = Readonly<Record<string, Json>>;

/** A JWS in flattened JSON serialization (RFC 7515 section 7.2.2), not verified. */
export interface FlattenedJws {
  readonly protectedHeader: Members;
  readonly payload: Buffer;
  readonly signingInput: string;
  readonly signature: Buffer;
}

const { error } = acmeErrors;
export const malformed = (detail: string) => error('acme_malformed', detail);

/** Members that would change what is signed, or let the sender choose the key. */
const refused = ['crit', 'b64', 'zip', 'enc', 'jku', 'x5u', 'x5c'] as const;

/** @throws CodedError `acme_malformed` */
export function parseObject(text: string, what: string): Members {
  const parsed = parseJson(text, { maxLength: maxRequestLength });
  if (!parsed.ok) throw malformed(`${what} cannot be read: ${parsed.problem}.`);
  const members = membersOf(parsed.value);
  if (members === undefined) throw malformed(`${what} is not a JSON object.`);
  return members;
}

/** @throws CodedError `acme_malformed` */
export function objectIn(octets: Buffer, what: string): Members {
  if (!isUtf8(octets)) throw malformed(`${what} is not UTF-8.`);
  return parseObject(octets.toString('utf8'), what);
}

/**
 * Reads exactly three members: an unprotected header or several signatures are refused (RFC 8555 section 6.2).
 * @throws CodedError `acme_malformed`
 */
export function readFlattenedJws(jws: Members): FlattenedJws {
  const { protected: header, payload, signature } = jws;
  const hasOthers = Object.keys(jws).some((name) => !['protected', 'payload', 'signature'].includes(name));
  if (hasOthers || typeof header !== 'string' || typeof payload !== 'string' || typeof signature !== 'string')
    throw malformed('A request is a JWS with exactly the members protected, payload and signature.');
  const protectedHeader = objectIn(decoded(header, 'The protected header'), 'The protected header');
  const named = refused.find((name) => Object.hasOwn(protectedHeader, name));
  if (named !== undefined) throw malformed(`The protected header has ${named}, which is not accepted.`);
  return {
    protectedHeader,
    payload: decoded(payload, 'The payload'),
    signingInput: `${header}.${payload}`,
    signature: decoded(signature, 'The signature'),
  };
}

function decoded(text: string, what: string): Buffer {
  if (text === '') return Buffer.alloc(0);
  const octets = decodeBase64Url(text);
  if (octets === undefined) throw malformed(`${what} is not base64url.`);
  return Buffer.from(octets);
}
