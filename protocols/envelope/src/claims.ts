import {
  type ApprovalId,
  type CodedError,
  type DecisionId,
  type IntentDigest,
  type Json,
  listOf,
  type MandateId,
  membersOf,
  parseDigest,
  parseId,
  type RecordId,
} from '@countersign/kernel';
import { envelopeBounds, envelopeErrors, type IdentityEnvelope, maxEnvelopeSeconds } from './envelope.ts';

/** Short names, because it travels with every message. Absent values are left out; lists are always present. */
export interface EnvelopeClaims {
  readonly iss: string;
  readonly iat: number;
  readonly exp: number;
  readonly jti: RecordId;
  readonly txn: string;
  /** State and number of transitions of the transaction. */
  readonly st: string;
  readonly ver: number;
  readonly int: string;
  readonly dig: IntentDigest;
  /** Reference of the subject, and its institution. */
  readonly sub: string;
  readonly lei: string;
  /** Acting chain, newest first. */
  readonly via: readonly { readonly ref: string; readonly lei?: string }[];
  readonly mnd: readonly { readonly id: MandateId; readonly ver: number; readonly dig?: string }[];
  readonly apr: readonly { readonly id: ApprovalId; readonly rec: RecordId }[];
  readonly dec: readonly { readonly id?: DecisionId; readonly rec: RecordId; readonly pol?: number }[];
  readonly mode: 'manual' | 'automatic';
}

export function envelopeClaims(envelope: IdentityEnvelope): EnvelopeClaims {
  return {
    iss: envelope.issuer,
    iat: envelope.issuedAt,
    exp: envelope.expiresAt,
    jti: envelope.record,
    txn: envelope.transaction,
    st: envelope.state,
    ver: envelope.version,
    int: envelope.intentType,
    dig: envelope.intentDigest,
    sub: envelope.subject.ref,
    lei: envelope.subject.institution,
    via: envelope.actors.map(({ ref, institution: lei }) => ({ ref, ...(lei === undefined ? {} : { lei }) })),
    mnd: envelope.mandates.map(({ id, version: ver, digest: dig }) => ({
      id,
      ver,
      ...(dig === undefined ? {} : { dig }),
    })),
    apr: envelope.approvals.map(({ id, record: rec }) => ({ id, rec })),
    dec: envelope.decisions.map(({ id, record: rec, policyVersion: pol }) => ({
      ...(id === undefined ? {} : { id }),
      rec,
      ...(pol === undefined ? {} : { pol }),
    })),
    mode: envelope.mode,
  };
}

/** Every claim is required. `claims-schema.ts` defines the same for other languages. */
const claimNames: readonly string[] = [
  ...['iss', 'iat', 'exp', 'jti', 'txn', 'st', 'ver', 'int', 'dig', 'sub', 'lei', 'via', 'mnd', 'apr', 'dec', 'mode'],
];

export const claimPatterns = {
  /** An https URL, or http on the same machine; compared as text. */
  issuer: /^https?:\/\/[\x21-\x7e]{1,500}$/,
  state: /^[a-z]+(-[a-z]+){0,3}$/,
  intentType: /^urn:countersign:rar:v1:[a-z_]{1,40}$/,
  /** SHA-256 or HMAC with it, base64url. */
  reference: /^[0-9A-Za-z_-]{43}$/,
  lei: /^[0-9A-Z]{18}[0-9]{2}$/,
} as const;

/** Every claim in its form, and no others; not verified. @throws CodedError `envelope_malformed` */
export function parseEnvelope(value: Json): IdentityEnvelope {
  const claims = onlyMembers(value, claimNames) ?? fail('It is not an object, or has an unknown claim.');
  const issuedAt = secondsOf(claims['iat']) ?? fail('Its iat is not a time in seconds.');
  const expiresAt = secondsOf(claims['exp']) ?? fail('Its exp is not a time in seconds.');
  if (expiresAt <= issuedAt || expiresAt - issuedAt > maxEnvelopeSeconds)
    throw malformed(`Its exp must be after its iat, by at most ${maxEnvelopeSeconds} seconds.`);
  const { actors, mandates, approvals, decisions } = envelopeBounds;
  return {
    issuer: textOf(claims['iss'], claimPatterns.issuer) ?? fail('Its iss is not a URL.'),
    issuedAt,
    expiresAt,
    record: parseId('record', claims['jti']) ?? fail('Its jti is not the id of a record.'),
    transaction: parseId('transaction', claims['txn']) ?? fail('Its txn is not the id of a transaction.'),
    state: textOf(claims['st'], claimPatterns.state) ?? fail('Its st is not a state.'),
    version: countOf(claims['ver']) ?? fail('Its ver is not a count.'),
    intentDigest: digestOf(claims['dig']) ?? fail('Its dig is not a SHA-256 in base64url.'),
    intentType: textOf(claims['int'], claimPatterns.intentType) ?? fail('Its int is not a type of intent.'),
    subject: {
      ref: textOf(claims['sub'], claimPatterns.reference) ?? fail('Its sub is not a reference.'),
      institution: textOf(claims['lei'], claimPatterns.lei) ?? fail('Its lei is not an LEI.'),
    },
    actors: bounded(claims['via'], actors, readActor) ?? fail(`Its via is not a list of at most ${actors} actors.`),
    mandates:
      bounded(claims['mnd'], mandates, readMandate) ?? fail(`Its mnd is not a list of at most ${mandates} mandates.`),
    approvals:
      bounded(claims['apr'], approvals, readApproval) ??
      fail(`Its apr is not a list of at most ${approvals} approvals.`),
    decisions:
      bounded(claims['dec'], decisions, readDecision) ??
      fail(`Its dec is not a list of at most ${decisions} decisions.`),
    mode: modeOf(claims['mode']) ?? fail('Its mode is neither manual nor automatic.'),
  };
}

function readActor(value: Json): IdentityEnvelope['actors'][number] | undefined {
  const members = onlyMembers(value, ['ref', 'lei']);
  const ref = textOf(members?.['ref'], claimPatterns.reference);
  const institution = textOf(members?.['lei'], claimPatterns.lei);
  if (ref === undefined || (institution === undefined && members?.['lei'] !== undefined)) return undefined;
  return { ref, ...(institution === undefined ? {} : { institution }) };
}

function readMandate(value: Json): IdentityEnvelope['mandates'][number] | undefined {
  const members = onlyMembers(value, ['id', 'ver', 'dig']);
  const id = parseId('mandate', members?.['id']);
  const version = countOf(members?.['ver']);
  const digest = parseDigest(members?.['dig']);
  if (id === undefined || version === undefined || (digest === undefined && members?.['dig'] !== undefined))
    return undefined;
  return { id, version, ...(digest === undefined ? {} : { digest }) };
}

function readApproval(value: Json): IdentityEnvelope['approvals'][number] | undefined {
  const members = onlyMembers(value, ['id', 'rec']);
  const id = parseId('approval', members?.['id']);
  const record = parseId('record', members?.['rec']);
  return id === undefined || record === undefined ? undefined : { id, record };
}

function readDecision(value: Json): IdentityEnvelope['decisions'][number] | undefined {
  const members = onlyMembers(value, ['id', 'rec', 'pol']);
  const id = parseId('decision', members?.['id']);
  const record = parseId('record', members?.['rec']);
  const policyVersion = countOf(members?.['pol']);
  const unread =
    (id === undefined && members?.['id'] !== undefined) ||
    (policyVersion === undefined && members?.['pol'] !== undefined);
  if (record === undefined || unread) return undefined;
  return { ...(id === undefined ? {} : { id }), record, ...(policyVersion === undefined ? {} : { policyVersion }) };
}

/** Refuses an object with unknown members, because ignoring one could change the meaning. */
function onlyMembers(value: Json, names: readonly string[]): Readonly<Record<string, Json>> | undefined {
  const members = membersOf(value);
  return members !== undefined && Object.keys(members).every((name) => names.includes(name)) ? members : undefined;
}

function bounded<Item>(
  value: Json | undefined,
  most: number,
  read: (item: Json) => Item | undefined,
): readonly Item[] | undefined {
  return Array.isArray(value) && value.length <= most ? listOf(value, read) : undefined;
}

function textOf(value: Json | undefined, pattern: RegExp): string | undefined {
  return typeof value === 'string' && value.length <= 512 && pattern.test(value) ? value : undefined;
}

function countOf(value: Json | undefined): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** Up to the year 9999, so that computations stay within the range of dates. */
function secondsOf(value: Json | undefined): number | undefined {
  const seconds = countOf(value);
  return seconds !== undefined && seconds < 253_402_300_800 ? seconds : undefined;
}

function digestOf(value: Json | undefined): IntentDigest | undefined {
  // The claim of an intent digest.
  return parseDigest(value) as IntentDigest | undefined;
}

function modeOf(value: Json | undefined): IdentityEnvelope['mode'] | undefined {
  return value === 'manual' || value === 'automatic' ? value : undefined;
}

function malformed(detail: string): CodedError {
  return envelopeErrors.error('envelope_malformed', `The envelope cannot be read. ${detail}`);
}

function fail(detail: string): never {
  throw malformed(detail);
}
