import { type KeyPurpose, keyPurposes } from '@countersign/contracts';
import { digestOf, isCodedError, type Json, membersOf, parseJson } from '@countersign/kernel';
import type { SignedStatement, StatementCheck } from '@countersign/runtime';
import { basicConstraintsOf, extendedKeyUsageOf, type ParsedCertificate, x509Errors } from '@countersign/x509';
import { contextConstructed, readDerSequence, readSmallInteger, tags } from '@countersign/x509/der';
import { readToBeSigned } from '@countersign/x509/issuing';

export interface StatementFacts {
  readonly issuer: string;
  readonly logOrigin: string;
}

type Rule = (statement: SignedStatement, facts: StatementFacts) => string | undefined;

/** Longest access token (300 s) plus the clock difference between nodes. */
const longestAccessTokenSeconds = 360;
const accessTokenType = 'at+jwt';
const messageTypes = ['JWT', 'logout+jwt', 'revocation-list+jwt', 'token-introspection+jwt'] as const;
const transactionTypes = [
  'txntoken+jwt',
  'authorization-grant+jwt',
  'oauth-id-jag+jwt',
  'client-authentication+jwt',
] as const;

/** What each key signs. A statement of another purpose, issuer or log is refused for every caller. */
const rules: Readonly<Record<KeyPurpose, Rule>> = {
  'access-token': accessToken,
  'id-token': messageToClient,
  'id-token-ps256': messageToClient,
  'id-token-rs256': messageToClient,
  'transaction-token': (statement) => {
    const jwt = readJwt(statement);
    return typeof jwt === 'string' ? jwt : oneOf(jwt.typ, transactionTypes);
  },
  'log-checkpoint': checkpoint,
  'policy-bundle': policyVersion,
  mandate: mandateVersion,
  envelope: (statement) => {
    const jwt = readJwt(statement);
    return typeof jwt === 'string' ? jwt : oneOf(jwt.typ, ['countersign-envelope+jwt']);
  },
  event: httpMessage,
  'security-event': (statement, { issuer }) => {
    const jwt = readJwt(statement);
    if (typeof jwt === 'string') return jwt;
    return oneOf(jwt.typ, ['secevent+jwt']) ?? ofIssuer(jwt.claims, issuer);
  },
  'time-stamp': timeStamp,
  'certificate-workload': certificate,
  'certificate-person': certificate,
  'certificate-device': certificate,
  'certificate-partner': certificate,
  'certificate-service': certificate,
  'workload-token': (statement, { issuer }) => {
    const jwt = readJwt(statement);
    if (typeof jwt === 'string') return jwt;
    const { iss, sub, aud } = jwt.claims;
    // Without an issuer, so that no client takes it for an ID token.
    if (iss !== undefined) return 'a JWT-SVID names no issuer';
    if (typeof sub !== 'string' || !sub.startsWith(`spiffe://${new URL(issuer).hostname}/`) || aud === undefined)
      return 'this is not a JWT-SVID of this trust domain';
    return oneOf(jwt.typ, ['JWT']);
  },
  // ResponseData (RFC 6960 section 4.2.1) that names its responder by key.
  'certificate-status': ({ data }) =>
    firstInside(data)?.[0] === 0xa2 ? undefined : 'this is not the content of an OCSP answer',
};

/** Checks each statement before the token signs it. The signer process loads this module. */
export function createStatementCheck(facts: StatementFacts): StatementCheck {
  return (statement) => {
    const purpose = keyPurposes.find((known) => known === statement.purpose);
    return purpose === undefined ? 'the purpose is unknown' : rules[purpose](statement, facts);
  };
}

function accessToken(statement: SignedStatement, { issuer }: StatementFacts): string | undefined {
  const jwt = readJwt(statement);
  if (typeof jwt === 'string') return jwt;
  const { iat, exp, evidence } = jwt.claims;
  const wrong = oneOf(jwt.typ, [accessTokenType]) ?? ofIssuer(jwt.claims, issuer);
  if (wrong !== undefined) return wrong;
  if (typeof iat !== 'number' || typeof exp !== 'number' || exp - iat > longestAccessTokenSeconds)
    return 'the token has no end, or lives too long';
  return typeof evidence === 'string' ? undefined : 'the token does not name the record of its issue';
}

function messageToClient(statement: SignedStatement, { issuer }: StatementFacts): string | undefined {
  const jwt = readJwt(statement);
  if (typeof jwt === 'string') return jwt;
  return oneOf(jwt.typ ?? 'JWT', messageTypes) ?? ofIssuer(jwt.claims, issuer);
}

function checkpoint({ data }: SignedStatement, { logOrigin }: StatementFacts): string | undefined {
  const [origin, size = '', root = ''] = data.toString('utf8').split('\n');
  if (origin !== logOrigin) return `the checkpoint is not of ${logOrigin}`;
  return /^(0|[1-9][0-9]{0,19})$/.test(size) && Buffer.from(root, 'base64').length === 32
    ? undefined
    : 'this is not a checkpoint';
}

function policyVersion({ data }: SignedStatement): string | undefined {
  const members = membersOf(jsonIn(data));
  return members?.['type'] === 'countersign-policy-version' && typeof members['record'] === 'string'
    ? undefined
    : 'this is not a version of the policies with its record';
}

function mandateVersion({ data, document, record }: SignedStatement): string | undefined {
  const version = document === undefined ? undefined : membersOf(jsonIn(document));
  if (version === undefined) return 'the version whose digest is signed is missing';
  if (!String(version['id']).startsWith('mnd_')) return 'the document is not a mandate';
  if (version['recordId'] !== record) return 'the mandate names another record than the caller';
  return data.toString() === digestOf(version) ? undefined : 'the digest is not of this version';
}

/** A signature base of RFC 9421. */
function httpMessage({ data, kid }: SignedStatement): string | undefined {
  const lines = data.toString('utf8').split('\n');
  const last = lines.at(-1) ?? '';
  return lines[0] === '"@method": POST' && last.startsWith('"@signature-params": ') && last.includes(`;keyid="${kid}"`)
    ? undefined
    : 'this is not the signature base of a delivery';
}

/** Content type of a TSTInfo (RFC 3161) in DER. */
const timeStampContent = Buffer.from('060b2a864886f70d0109100104', 'hex');
const timeStamping = '1.3.6.1.5.5.7.3.8';

/** Signed attributes of a time stamp (a SET), or the authority's own certificate. */
function timeStamp({ data }: SignedStatement): string | undefined {
  if (data[0] === 0x31 && data.includes(timeStampContent)) return undefined;
  const usage = read(() => extendedKeyUsageOf(subscriberCertificate(data)));
  return usage?.critical === true && usage.purposes.length === 1 && usage.purposes[0] === timeStamping
    ? undefined
    : 'this is neither a time stamp nor the certificate of a time-stamping authority';
}

/**
 * A to-be-signed certificate that is not of an authority, a revocation list (version 2), or our own request for a ceremony. The form is
 * read, not searched for: octets of one form can stand inside another, and a certificate of version 1 begins like a list.
 */
function certificate({ data }: SignedStatement): string | undefined {
  if (firstInside(data)?.[0] === contextConstructed(0))
    return read(() => subscriberCertificate(data)) === undefined
      ? 'an issuing authority signs certificates of holders only, and none of another authority'
      : undefined;
  return read(() => isListOrRequest(data)) === true
    ? undefined
    : 'this is neither a certificate, a revocation list nor a certificate request';
}

/** @throws CodedError unless it is a to-be-signed certificate whose basicConstraints say that it is not of an authority */
function subscriberCertificate(data: Buffer): ParsedCertificate {
  const read = readToBeSigned(data);
  if (read.extensions.get(basicConstraints)?.critical !== true || basicConstraintsOf(read).authority)
    throw x509Errors.error('certificate_malformed', 'The certificate is of an authority.');
  return read;
}

const basicConstraints = '2.5.29.19';

/** TBSCertList (RFC 5280 section 5.1) or CertificationRequestInfo (RFC 2986 section 4.1). */
function isListOrRequest(data: Buffer): boolean {
  const fields = readDerSequence(data);
  const version = readSmallInteger(fields.next(tags.integer));
  fields.next(tags.sequence);
  fields.next(tags.sequence);
  const next = fields.peek();
  return version === 1
    ? next === tags.utcTime || next === tags.generalizedTime
    : version === 0 && next === contextConstructed(0);
}

/** What the reading gives; undefined if the octets have another form. */
function read<Value>(reading: () => Value): Value | undefined {
  try {
    return reading();
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

/** The content of a DER SEQUENCE, from its first element on. */
function firstInside(data: Buffer): Buffer | undefined {
  const length = data[1];
  if (data[0] !== 0x30 || length === undefined) return undefined;
  return data.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f));
}

interface UnsignedJwt {
  readonly typ: string | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The header and claims of a signing input, or the reason why it is not one for this key. */
function readJwt({ data, kid, algorithm }: SignedStatement): UnsignedJwt | string {
  const [first = '', second = '', ...others] = data.toString('latin1').split('.');
  const header = membersOf(jsonIn(Buffer.from(first, 'base64url')));
  const claims = membersOf(jsonIn(Buffer.from(second, 'base64url')));
  if (header === undefined || claims === undefined || others.length > 0) return 'this is not a JWT';
  if (header['kid'] !== kid || header['alg'] !== algorithm) return 'the header names another key or algorithm';
  const { typ } = header;
  return { typ: typeof typ === 'string' ? typ : undefined, claims };
}

function oneOf(typ: string | undefined, types: readonly string[]): string | undefined {
  return typ !== undefined && types.includes(typ) ? undefined : `a JWT of type ${typ?.slice(0, 64) ?? 'none'}`;
}

function ofIssuer(claims: UnsignedJwt['claims'], issuer: string): string | undefined {
  return claims['iss'] === issuer ? undefined : `the issuer is not ${issuer}`;
}

function jsonIn(octets: Buffer): Json | undefined {
  const parsed = parseJson(octets.toString('utf8'));
  return parsed.ok ? parsed.value : undefined;
}
