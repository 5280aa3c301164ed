import type { SchemaTextReader } from '@countersign/cedar';
import { readRecordedDecision } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { createInputReader, type ReadInput } from './input-reader.ts';
import { type Members, memberOf, membersOf, parsed } from './json-members.ts';
import { type ComparedDecision, createOpenDecisionReader } from './open-decision-reader.ts';

/** The text of a record as it stands in the log, and of each value that is kept beside it; `''` where there is none. */
export interface RecordTexts {
  readonly record: string;
  readonly errors: string;
  readonly input: string;
  readonly reasons: string;
}

export interface ReadDecision {
  /** Undefined where the record holds no decision. Its `input` is JSON, or null where it is in `read`. */
  readonly decision: ComparedDecision | undefined;
  /** Its input, where that could be read straight into values. */
  readonly read?: ReadInput;
  /** The record keeps something of its decision beside it that could not be had; `decision` then says nothing of that. */
  readonly inputMissing: boolean;
}

const noDecision: ReadDecision = { decision: undefined, inputMissing: false };

/**
 * Reads the decisions of records, many of them. What was put to the policies is most of a decision, and is read straight
 * into values by the schema; what a record says in the open is mostly what another has said.
 *
 * @param schema of the policies that the decisions are put to; what it does not fit is parsed
 */
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
  // What JSON.parse has made is JSON; its reader looks at every member.
  const decision = readRecordedDecision(whole as Json);
  return decision === undefined ? noDecision : { decision, inputMissing: unread.length > 0 };
}

/** What stands for a member of a decision that cannot be read. */
const inTheirPlace: Readonly<Record<string, Json>> = { errors: [], input: null, reasons: [] };

/**
 * A decision with something in the place of what is kept beside its record and is not there: it was erased, or belongs to
 * another region.
 *
 * @param decision with what could be read in its place
 * @param commitments the member `protected` of its record
 * @returns with the names of what is not there
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
