import { type Json, parseId, parseJson, type RecordId } from '@countersign/kernel';
import { bundleLimits } from './bundle.ts';
import { type Facts, readFacts } from './facts.ts';
import { canonicalForm, Members, RecordMalformed } from './members.ts';
import type { Commitment, RestoredRecord } from './protected-values.ts';
import { ruleFault } from './record-rules.ts';

export interface BundledRecord<F extends Facts = Facts> {
  readonly v: 1 | 2;
  readonly index: bigint;
  readonly id: RecordId;
  readonly type: string;
  readonly source: string;
  readonly outcome: 'permit' | 'deny' | 'done';
  readonly reason: string | undefined;
  /** RFC 3339, and milliseconds since the epoch. */
  readonly time: string;
  readonly at: number;
  readonly transaction: string | undefined;
  readonly references: readonly string[];
  readonly subject: string | undefined;
  readonly institution: string | undefined;
  /** Current actor first. */
  readonly actors: readonly string[];
  readonly client: string | undefined;
  readonly audience: readonly string[];
  readonly scope: readonly string[];
  readonly mandate: { readonly id: string; readonly version: number } | undefined;
  readonly policy: { readonly version: number; readonly hash: string } | undefined;
  readonly intent: string | undefined;
  readonly payload: string | undefined;
  readonly certificate: { readonly serial: string; readonly thumbprint: string } | undefined;
  readonly data: Json | undefined;
  readonly facts: F;
  /** By JSON pointer. */
  readonly withheld: ReadonlyMap<string, Commitment>;
}

const outcomes = ['permit', 'deny', 'done'] as const;

/** @throws RecordMalformed if the record lacks the shape of its type */
export function readRecord(index: bigint, { record, withheld }: Omit<RestoredRecord, 'faults'>): BundledRecord {
  const members = Members.of(record, 'the record');
  const v = members.value('v');
  if (v !== 1 && v !== 2) throw new RecordMalformed('v is neither 1 nor 2');
  const outcome = outcomes.find((known) => known === members.value('outcome'));
  if (outcome === undefined) throw new RecordMalformed('outcome is none of permit, deny, done');
  const type = members.text('type');
  const source = members.text('source');
  const misfit = ruleFault(type, { source, outcome, has: (member) => members.has(member) });
  if (misfit !== undefined) throw new RecordMalformed(misfit);
  const subject = members.has('subject') ? members.object('subject') : undefined;
  const mandate = members.has('mandate') ? members.object('mandate') : undefined;
  const policy = members.has('policy') ? members.object('policy') : undefined;
  const certificate = members.has('certificate') ? members.object('certificate') : undefined;
  return {
    v,
    index,
    id: idOf(members),
    type,
    source,
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
    payload: optionalText(members, 'payload'),
    certificate:
      certificate === undefined
        ? undefined
        : { serial: certificate.text('serial'), thumbprint: certificate.text('thumbprint') },
    data: members.all.data,
    facts: readFacts(type, members.all.data, [...withheld.keys()]),
    withheld,
  };
}

/** To name a record that cannot be read further. */
export function readRecordId(record: Json): RecordId | undefined {
  try {
    return idOf(Members.of(record, 'the record'));
  } catch (error) {
    if (error instanceof RecordMalformed) return undefined;
    throw error;
  }
}

/** @throws RecordMalformed unless all readers parse the bytes identically */
export function readLeafJson(leaf: Uint8Array): Json {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(leaf);
  } catch {
    throw new RecordMalformed('the leaf is not UTF-8');
  }
  const parsed = parseJson(text, { maxLength: bundleLimits.leafBytes });
  if (!parsed.ok) throw new RecordMalformed(`the leaf cannot be read: ${parsed.problem}`);
  // Checks hash and compare canonical forms.
  if (canonicalForm(parsed.value) === undefined)
    throw new RecordMalformed('the leaf holds a value that has no canonical form');
  return parsed.value;
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
