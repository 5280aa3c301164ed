import { type RecordedDecision, readRecordedDecision } from '@countersign/contracts';
import { type Json, parseDigest } from '@countersign/kernel';
import { copyOf, memberOf, membersOf, parsed } from './json-members.ts';

/** What of a decision can be compared with another. Its id and the digest of its input are for those who parse it. */
export type ComparedDecision = Omit<RecordedDecision, 'id' | 'inputDigest'>;

/** The texts that it is read from; see `RecordTexts`. */
interface OpenTexts {
  readonly record: string;
  readonly errors: string;
  readonly reasons: string;
}

/** Data of records kept, the newest first: with so many, a log of one version of the policies is mostly the same again. */
const maxKept = 32;
/** Lists of errors and of reasons kept; past it, they are read again. */
const maxLists = 1_024;
const dataOpening = ',"data":{';
const idOpening = '"decision_id":"';
const digestOpening = ',"input_digest":"';
const protectedOpening = ',"protected":{';
/** All that a record ends with behind its data: nothing but what is kept beside it. Without escapes, so that its ends are sure. */
const protectedEnd = /,"protected":\{(?:"[^"\\]*":\{(?:"[^"\\]*":"[^"\\]*",?)+\},?)+\}\}$/y;

/** The data of a record, in the pieces that are left when an id and a digest have been cut out. */
interface Kept {
  readonly before: string;
  readonly between: string;
  readonly after: string;
  readonly open: Readonly<Record<string, Json>>;
  /** As it is without errors and reasons kept beside the record; undefined for what is none without them. */
  readonly decision: ComparedDecision | undefined;
}

/**
 * Reads what a record says of its decision in the open, when its input stands beside it. But for an id and a digest that
 * is nearly always what another record said, and then it is not parsed. Undefined where the record has another form.
 */
export function createOpenDecisionReader(): (texts: OpenTexts) => ComparedDecision | undefined {
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
      // What JSON.parse has made is JSON.
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
    // Where they are is a guess; that all are there, one behind the other, is not.
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

/** Digest and id in the place of those that were cut out; neither is what any record has. */
const [someId, someDigest] = ['-', 'A'.repeat(43)];

/** A wrong guess is no JSON, or leaves id or digest of the decision as they are. */
function madeOf(before: string, between: string, after: string): Kept | undefined {
  const decision = membersOf(
    memberOf(memberOf(parsed(`{${before}${someId}${between}${someDigest}${after}}`), 'data'), 'decision'),
  );
  if (decision?.['decision_id'] !== someId || decision['input_digest'] !== someDigest) return undefined;
  // What JSON.parse has made is JSON.
  const open = { ...(decision as Readonly<Record<string, Json>>), input: null };
  return { before, between, after, open, decision: readRecordedDecision(open) };
}
