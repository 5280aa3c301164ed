import { decodeBase64Url, defined, type Json, listOf, membersOf } from '@countersign/kernel';
import { acmeErrors } from './errors.ts';
import { type Members, malformed, objectIn } from './flattened-jws.ts';

const { error } = acmeErrors;

/** RFC 8555 section 9.7.7. The value of a `permanent-identifier` (RFC 4043) is a principal id. */
export const identifierTypes = ['dns', 'permanent-identifier'] as const;
export interface Identifier {
  readonly type: (typeof identifierTypes)[number];
  readonly value: string;
}

export interface NewAccountPayload {
  readonly onlyReturnExisting: boolean;
  readonly binding: Json | undefined;
}
export interface NewOrderPayload {
  readonly identifiers: readonly Identifier[];
  readonly profile?: string;
  /** Identifier of the certificate to be replaced (RFC 9773 section 5). */
  readonly replaces?: string;
}
export interface RevocationPayload {
  /** DER. */
  readonly certificate: Uint8Array;
  /** RFC 5280 section 5.3.1. */
  readonly reason?: number;
}

/** Maximum number of identifiers in an order. */
export const maxIdentifiers = 20;

/** The payload of a POST-as-GET is empty (RFC 8555 section 6.3). @throws CodedError `acme_malformed` */
export function requireNoPayload(payload: Buffer): void {
  if (payload.length > 0) throw malformed('The payload of a POST-as-GET request must be empty.');
}

const payloadIn = (payload: Buffer): Members => objectIn(payload, 'The payload');

/** Contacts and consent to terms are ignored: accounts belong to principals, and the directory knows those. */
export function readNewAccount(payload: Buffer): NewAccountPayload {
  const { onlyReturnExisting = false, externalAccountBinding } = payloadIn(payload);
  if (typeof onlyReturnExisting !== 'boolean') throw malformed('onlyReturnExisting is not a boolean.');
  return { onlyReturnExisting, binding: externalAccountBinding };
}

/** @returns whether the account is to be deactivated @throws CodedError `acme_malformed` */
export function readAccountUpdate(payload: Buffer): { readonly deactivate: boolean } {
  if (payload.length === 0) return { deactivate: false };
  const { status } = payloadIn(payload);
  if (status !== undefined && status !== 'deactivated')
    throw malformed('The only status that a client can request is deactivated.');
  return { deactivate: status === 'deactivated' };
}

/** @throws CodedError `acme_malformed`, `acme_identifier_unsupported` */
export function readNewOrder(payload: Buffer): NewOrderPayload {
  const { identifiers: named, profile, replaces, notBefore, notAfter } = payloadIn(payload);
  const listed = listOf(named, (item) => membersOf(item));
  if (listed === undefined || listed.length === 0 || listed.length > maxIdentifiers)
    throw malformed(`An order must name 1 to ${maxIdentifiers} identifiers.`);
  if (notBefore !== undefined || notAfter !== undefined)
    throw malformed('The profile sets the validity of a certificate. Leave out notBefore and notAfter.');
  if (profile !== undefined && typeof profile !== 'string') throw malformed('The profile is not a string.');
  if (replaces !== undefined && typeof replaces !== 'string') throw malformed('The member replaces is not a string.');
  const identifiers = listed.map(identifierIn);
  const distinct = new Set(identifiers.map(({ type, value }) => `${type}:${value}`));
  if (distinct.size !== identifiers.length) throw malformed('An identifier occurs twice.');
  return { identifiers, ...defined({ profile, replaces }) };
}

function identifierIn({ type: named, value }: Members): Identifier {
  const type = identifierTypes.find((known) => known === named);
  if (type === undefined)
    throw error('acme_identifier_unsupported', `Identifiers must be of the types ${identifierTypes.join(' and ')}.`);
  if (typeof value !== 'string' || value.length === 0 || value.length > 253)
    throw malformed('The value of an identifier must be a string of at most 253 characters.');
  return { type, value: type === 'dns' ? value.toLowerCase() : value };
}

/** @returns the certificate request in DER @throws CodedError `acme_malformed` */
export function readFinalization(payload: Buffer): Uint8Array {
  return octetsOf(payloadIn(payload)['csr'], 'csr');
}

/** @throws CodedError `acme_malformed`, `acme_reason_refused` */
export function readRevocation(payload: Buffer): RevocationPayload {
  const { certificate, reason } = payloadIn(payload);
  if (reason !== undefined && (typeof reason !== 'number' || !Number.isInteger(reason)))
    throw error('acme_reason_refused', 'The reason must be a number of RFC 5280 section 5.3.1.');
  return { certificate: octetsOf(certificate, 'certificate'), ...defined({ reason }) };
}

function octetsOf(text: Json | undefined, name: string): Uint8Array {
  const octets = typeof text === 'string' ? decodeBase64Url(text) : undefined;
  if (octets === undefined || octets.length === 0) throw malformed(`The member ${name} is not DER in base64url.`);
  return octets;
}
