import type { SchemaTextReader } from '@countersign/cedar';
import { readRecordedDecision } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { createInputReader, type ReadInput } from './input-reader.ts';
import { type Members, memberOf, membersOf, parsed } from './json-members.ts';
import { type ComparedDecision, createOpenDecisionReader } from './open-decision-reader.ts';

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

/**
 * Reads the decisions of many records fast: inputs directly into values by the schema, and open parts from a cache of earlier records.
 *
 * @param schema of the candidate; inputs that do not fit it are parsed as JSON
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
  // The result of JSON.parse is JSON, and its reader checks every member.
  const decision = readRecordedDecision(whole as Json);
  return decision === undefined ? noDecision : { decision, inputMissing: unread.length > 0 };
}

/** Placeholders for unreadable members of a decision. */
const inTheirPlace: Readonly<Record<string, Json>> = { errors: [], input: null, reasons: [] };

/**
 * A decision with placeholders for protected values that were erased or belong to another region.
 *
 * @param decision with the readable protected values in place
 * @param commitments the member `protected` of its record
 * @returns the decision, and the names of the missing members
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
