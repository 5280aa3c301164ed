import { canonicalize, isCodedError, type Json, parseId, parseJson, type RecordId } from '@countersign/kernel';
import { bundleLimits } from './bundle.ts';
import { type Facts, readFacts } from './facts.ts';
import { Members, RecordMalformed } from './members.ts';

/** A record of the bundle after its leaf was read: the envelope every record has, and the facts of its type. */
export interface BundledRecord<F extends Facts = Facts> {
  readonly index: bigint;
  readonly id: RecordId;
  readonly type: string;
  readonly source: string;
  readonly outcome: 'permit' | 'deny' | 'done';
  readonly reason: string | undefined;
  /** RFC 3339 as written, and in milliseconds since the epoch. */
  readonly time: string;
  readonly at: number;
  readonly transaction: string | undefined;
  readonly references: readonly string[];
  readonly subject: string | undefined;
  readonly institution: string | undefined;
  /** The acting chain, current actor first. */
  readonly actors: readonly string[];
  readonly client: string | undefined;
  readonly audience: readonly string[];
  readonly scope: readonly string[];
  readonly mandate: { readonly id: string; readonly version: number } | undefined;
  readonly policy: { readonly version: number; readonly hash: string } | undefined;
  readonly intent: string | undefined;
  readonly data: Json | undefined;
  readonly facts: F;
}

const outcomes = ['permit', 'deny', 'done'] as const;

/** @throws RecordMalformed when the bytes are not a record, or not one of the shape its type promises. */
export function readRecord(index: bigint, leaf: Uint8Array): BundledRecord {
  const members = Members.of(readJson(leaf), 'the record');
  if (members.value('v') !== 1) throw new RecordMalformed('v is not 1');
  const outcome = outcomes.find((known) => known === members.value('outcome'));
  if (outcome === undefined) throw new RecordMalformed('outcome is none of permit, deny, done');
  const type = members.text('type');
  const subject = members.has('subject') ? members.object('subject') : undefined;
  const mandate = members.has('mandate') ? members.object('mandate') : undefined;
  const policy = members.has('policy') ? members.object('policy') : undefined;
  return {
    index,
    id: idOf(members),
    type,
    source: members.text('source'),
    outcome,
    reason: optionalText(members, 'reason'),
    time: members.text('time'),
    at: members.instant('time'),
    transaction: optionalText(members, 'transaction'),
    references: optionalTexts(members, 'references'),
    subject: subject?.text('id'),
    institution: subject === undefined ? undefined : optionalText(subject, 'institution'),
    actors: members.has('actors') ? members.list('actors').map((actor) => actor.text('id')) : [],
    client: optionalText(members, 'client'),
    audience: optionalTexts(members, 'audience'),
    scope: optionalTexts(members, 'scope'),
    mandate: mandate === undefined ? undefined : { id: mandate.text('id'), version: mandate.count('version') },
    policy: policy === undefined ? undefined : { version: policy.count('version'), hash: policy.text('hash') },
    intent: optionalText(members, 'intent'),
    data: members.all.data,
    facts: readFacts(type, members.all.data),
  };
}

/** The id alone, for naming a record that cannot be read further. */
export function readRecordId(leaf: Uint8Array): RecordId | undefined {
  try {
    return idOf(Members.of(readJson(leaf), 'the record'));
  } catch (error) {
    if (error instanceof RecordMalformed) return undefined;
    throw error;
  }
}

function readJson(leaf: Uint8Array): Json {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(leaf);
  } catch {
    throw new RecordMalformed('the leaf is not UTF-8');
  }
  const parsed = parseJson(text, { maxLength: bundleLimits.leafBytes, uniqueKeys: true });
  if (!parsed.ok) throw new RecordMalformed(`the leaf cannot be read: ${parsed.problem}`);
  if (!isCanonicalizable(parsed.value)) throw new RecordMalformed('the leaf holds a value that has no canonical form');
  return parsed.value;
}

/** Checks hash and compare parts of records by their canonical form; what has none is refused here, once. */
function isCanonicalizable(value: Json): boolean {
  try {
    canonicalize(value);
    return true;
  } catch (error) {
    if (isCodedError(error)) return false;
    throw error;
  }
}

function idOf(members: Members): RecordId {
  const id = parseId('record', members.value('id'));
  if (id === undefined) throw new RecordMalformed('id is not a record id');
  return id;
}

function optionalText(members: Members, name: string): string | undefined {
  return members.has(name) ? members.text(name) : undefined;
}

function optionalTexts(members: Members, name: string): readonly string[] {
  return members.has(name) ? members.texts(name) : [];
}
