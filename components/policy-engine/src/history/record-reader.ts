import { cursorAt, passed, type RecordValue, type SchemaTextReader, type UnrelatedEntity } from '@countersign/cedar';
import { memberOf, membersOf } from './json-members.ts';
import { type RecordedEntity, readRecordedEntities } from './recorded-question.ts';

/** Lists kept; past it, they are read again. */
const maxLists = 20_000;
const dataOpening = ',"data":{';
const inputOpening = '"input":{"action":"';
const opening = '[[';
const closing = ']],"';
/** Stands for what was read already while the rest is parsed; what decisions are recorded from never has it there. */
const marker = '\u0000read';
const markerText = JSON.stringify(marker);
const markers = `${markerText},"entities":${markerText},"local":${markerText}`;

/** The `data` of a record of a decision, as far as it could be read without parsing it. */
export interface ReadData {
  /** As `JSON.parse` gives it, but for what is beside it here. Undefined for what is no record. */
  readonly data: unknown;
  /** In the place of `context`, `entities` and `local` of its input. */
  readonly read?: ReadInput;
}

export interface ReadInput {
  readonly context: RecordValue;
  readonly entities: readonly RecordedEntity[];
  readonly local: readonly UnrelatedEntity[];
}

/**
 * Reads the `data` of records of decisions, many of them. What was put to the policies is most of a record, and is read
 * straight into values by the schema. What somebody's decisions read of the directory is listed in each of them, and is
 * nearly always the same: it is parsed once, and the same list is in every record that has the same text of it.
 *
 * @param schema of the policies that the decisions are put to; what it does not fit is parsed
 */
export function createRecordReader(schema: SchemaTextReader): (text: string) => ReadData {
  const lists = new Map<string, readonly RecordedEntity[]>();

  /** Where things are in the text is only guessed. A wrong guess is seen, and the record then parsed whole. */
  function readCut(text: string): ReadData | undefined {
    const from = text.indexOf(dataOpening);
    const input = text.indexOf(inputOpening, from);
    if (from === -1 || input === -1) return undefined;
    const cursor = cursorAt(text, input + inputOpening.length);
    const actionEnd = text.indexOf('"', cursor.at);
    const action = text.slice(cursor.at, actionEnd);
    cursor.at = actionEnd + 1;
    if (actionEnd > cursor.escape || !passed(cursor, ',"context":')) return undefined;
    const start = cursor.at;
    const context = schema.readContext(action, cursor);
    if (context === undefined || !passed(cursor, ',"entities":')) return undefined;
    const end = text.indexOf(closing, cursor.at);
    if (end === -1 || !text.startsWith(opening, cursor.at)) return undefined;
    const entities = listOf(text.slice(cursor.at, end + 2));
    cursor.at = end + 2;
    if (entities === undefined || !passed(cursor, ',"local":')) return undefined;
    const local = schema.readEntities(cursor);
    if (local === undefined) return undefined;
    // No JSON unless the data is what the record ends with, and what was read is a whole member of it.
    const data = parsed(`${text.slice(from + dataOpening.length - 1, start)}${markers}${text.slice(cursor.at, -1)}`);
    const document = membersOf(memberOf(memberOf(data, 'decision'), 'input')) ?? {};
    const isRead = (name: string) => document[name] === marker;
    if (!isRead('context') || !isRead('entities') || !isRead('local') || document['action'] !== action)
      return undefined;
    return { data, read: { context, entities, local } };
  }

  function listOf(listed: string): readonly RecordedEntity[] | undefined {
    const known = lists.get(listed);
    if (known !== undefined) return known;
    const entities = readRecordedEntities(parsed(listed));
    if (entities === undefined) return undefined;
    if (lists.size >= maxLists) lists.clear();
    // A copy: a piece of a text keeps all of the text in memory.
    lists.set(Buffer.from(listed).toString(), entities);
    return entities;
  }

  return (text) => readCut(text) ?? { data: memberOf(parsed(text), 'data') };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
