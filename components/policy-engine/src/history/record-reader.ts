import type { SchemaTextReader } from '@countersign/cedar';
import { type RecordedDecision, readRecordedDecision } from '@countersign/contracts';
import { type Json, parseDigest } from '@countersign/kernel';
import { createInputReader, type ReadInput } from './input-reader.ts';
import { copyOf, type Members, memberOf, membersOf, parsed } from './json-members.ts';

/** The text of a record in the log and of its protected values; `''` for an absent value. */
export interface RecordTexts {
  readonly record: string;
  readonly errors: string;
  readonly input: string;
  readonly reasons: string;
}

export interface ReadDecision {
  /** Undefined if the record has no decision. Its `input` is JSON, or null if it is in `read`. */
  readonly decision: ComparedDecision | undefined;
  /** Its input, if it could be read directly into values. */
  readonly read?: ReadInput;
  /** Whether protected values of the decision are missing; `decision` then has placeholders. */
  readonly inputMissing: boolean;
}

const noDecision: ReadDecision = { decision: undefined, inputMissing: false };

/** Inputs are read directly into values by the schema of the candidate, and open parts from a cache of earlier records. */
export function createRecordReader(schema: SchemaTextReader): (texts: RecordTexts) => ReadDecision {
  const readInput = createInputReader(schema);
  const readOpen = createOpenDecisionReader();
  return (texts) => {
    const decision = texts.input === '' ? undefined : readOpen(texts);
    const read = decision === undefined ? undefined : readInput(texts.input);
    return decision === undefined || read === undefined ? readParsed(texts) : { decision, read, inputMissing: false };
  };
}

function readParsed({ record, errors, input, reasons }: RecordTexts): ReadDecision {
  const { data, protected: commitments } = membersOf(parsed(record)) ?? {};
  const open = membersOf(memberOf(data, 'decision'));
  if (open === undefined) return noDecision;
  const beside = Object.entries({ errors, input, reasons })
    .filter(([, text]) => text !== '')
    .map(([name, text]) => [name, parsed(text)] as const);
  if (beside.some(([, value]) => value === undefined)) return noDecision;
  const { decision: whole, unread } = withoutUnread({ ...open, ...Object.fromEntries(beside) }, commitments);
  // The result of JSON.parse is JSON, and its reader checks every member.
  const decision = readRecordedDecision(whole as Json);
  return decision === undefined ? noDecision : { decision, inputMissing: unread.length > 0 };
}

/** Placeholders for unreadable members of a decision. */
const inTheirPlace: Readonly<Record<string, Json>> = { errors: [], input: null, reasons: [] };

/**
 * A decision with placeholders for protected values that were erased or belong to another region.
 * @param commitments the member `protected` of its record
 */
export function withoutUnread(
  decision: Members,
  commitments: unknown,
): { readonly decision: Members; readonly unread: readonly string[] } {
  const unread = Object.keys(inTheirPlace).filter(
    (name) => decision[name] === undefined && memberOf(commitments, `/data/decision/${name}`) !== undefined,
  );
  return { decision: { ...decision, ...Object.fromEntries(unread.map((name) => [name, inTheirPlace[name]])) }, unread };
}

/** The comparable part of a decision, without its id and the digest of its input. */
export type ComparedDecision = Omit<RecordedDecision, 'id' | 'inputDigest'>;

interface OpenTexts {
  readonly record: string;
  readonly errors: string;
  readonly reasons: string;
}

/** Number of cached record texts, newest first. Under one policy version most records repeat one of these. */
const maxKept = 32;
const maxLists = 1_024;
const dataOpening = ',"data":{';
const idOpening = '"decision_id":"';
const digestOpening = ',"input_digest":"';
const protectedOpening = ',"protected":{';
/** The member `protected` at the end of a record, without escapes, so that its boundaries are certain. */
const protectedEnd = /,"protected":\{(?:"[^"\\]*":\{(?:"[^"\\]*":"[^"\\]*",?)+\},?)+\}\}$/y;

/** The data of a record, split around its decision id and input digest. */
interface Kept {
  readonly before: string;
  readonly between: string;
  readonly after: string;
  readonly open: Readonly<Record<string, Json>>;
  /** The decision without protected errors and reasons; undefined if it is incomplete without them. */
  readonly decision: ComparedDecision | undefined;
}

/**
 * Reads the open part of a decision from a record with a protected input. Apart from id and digest this part nearly always repeats
 * another record, and is then not parsed. Undefined for any other form of record.
 */
function createOpenDecisionReader(): (texts: OpenTexts) => ComparedDecision | undefined {
  const kept: Kept[] = [];
  const lists = new Map<string, Json>();

  function keptFor(before: string, between: string, after: string): Kept | undefined {
    for (let place = 0; place < kept.length; place++) {
      const one = kept[place];
      if (one !== undefined && one.after === after && one.between === between && one.before === before) return one;
    }
    const made = madeOf(copyOf(before), copyOf(between), copyOf(after));
    if (made === undefined) return undefined;
    if (kept.length >= maxKept) kept.pop();
    kept.unshift(made);
    return made;
  }

  function listIn(text: string): Json {
    let list = lists.get(text);
    if (list === undefined) {
      // The result of JSON.parse is JSON.
      list = (parsed(text) ?? null) as Json;
      if (lists.size >= maxLists) lists.clear();
      lists.set(copyOf(text), list);
    }
    return list;
  }

  return ({ record, errors, reasons }) => {
    const start = record.indexOf(dataOpening) + 1;
    const id = record.indexOf(idOpening, start) + idOpening.length;
    const idEnd = record.indexOf('"', id);
    const digest = record.indexOf(digestOpening, idEnd) + digestOpening.length;
    const digestEnd = record.indexOf('"', digest);
    const end = record.indexOf(protectedOpening, digestEnd);
    // The positions are guesses, but their presence and order are checked.
    if (start === 0 || id < start || idEnd === -1 || digest < idEnd || digestEnd === -1 || end === -1) return undefined;
    const backslash = record.indexOf('\\', start);
    protectedEnd.lastIndex = end;
    if ((backslash !== -1 && backslash < end) || !protectedEnd.test(record)) return undefined;
    if (parseDigest(record.slice(digest, digestEnd)) === undefined) return undefined;
    const found = keptFor(record.slice(start, id), record.slice(idEnd, digest), record.slice(digestEnd, end));
    if (found === undefined || (errors === '' && reasons === '')) return found?.decision;
    const whole = { ...found.open };
    if (errors !== '') whole['errors'] = listIn(errors);
    if (reasons !== '') whole['reasons'] = listIn(reasons);
    return readRecordedDecision(whole);
  };
}

/** Placeholders for the removed id and digest; no record has these values. */
const [someId, someDigest] = ['-', 'A'.repeat(43)];

/** If the assumed layout is wrong, the result is invalid JSON or keeps the old id and digest. */
function madeOf(before: string, between: string, after: string): Kept | undefined {
  const decision = membersOf(
    memberOf(memberOf(parsed(`{${before}${someId}${between}${someDigest}${after}}`), 'data'), 'decision'),
  );
  if (decision?.['decision_id'] !== someId || decision['input_digest'] !== someDigest) return undefined;
  // What JSON.parse has made is JSON.
  const open = { ...(decision as Readonly<Record<string, Json>>), input: null };
  return { before, between, after, open, decision: readRecordedDecision(open) };
}
