import {
  cursorAt,
  type EntityUid,
  passed,
  type RecordValue,
  readText,
  type SchemaTextReader,
  type TextCursor,
  type UnrelatedEntity,
} from '@countersign/cedar';
import type { Json } from '@countersign/kernel';
import { type LimitFinding, readFinding } from '../decision/limit-finding.ts';
import { copyOf, parsed } from './json-members.ts';
import { type RecordedEntity, type RecordedOutline, readRecordedEntities } from './recorded-question.ts';

export interface ReadInput {
  readonly outline: RecordedOutline;
  readonly context: RecordValue;
  readonly local: readonly UnrelatedEntity[];
}

/** Limits of the cache of entity lists; beyond them it is cleared. */
const maxAskers = 20_000;
const maxLists = 20_000;
const maxCharacters = 32 * 1024 * 1024;
const principalOpening = '],"principal":{"id":"';

interface ReadList {
  readonly text: string;
  readonly entities: readonly RecordedEntity[];
}

/**
 * Reads inputs of decisions from canonical JSON (RFC 8785) in the form of `made-decision.ts`. Undefined for any other form, or if the input
 * does not fit the schema.
 */
export function createInputReader(schema: SchemaTextReader): (text: string) => ReadInput | undefined {
  /** Lists by their last principal, and by their text. */
  const readBy = new Map<string, ReadList>();
  const lists = new Map<string, ReadList>();
  let characters = 0;

  function readEntities(cursor: TextCursor): readonly RecordedEntity[] | undefined {
    const { text, at } = cursor;
    // A guess; the list is compared with the text before use.
    const start = text.lastIndexOf(principalOpening) + principalOpening.length;
    const asker = text.slice(start, text.indexOf('"', start));
    const before = readBy.get(asker);
    if (before !== undefined && passed(cursor, before.text)) return before.entities;
    const listed = text.startsWith('[]', at) ? '[]' : text.slice(at, text.indexOf(']]', at) + 2);
    const list = lists.get(listed) ?? listIn(listed);
    if (list === undefined) return undefined;
    keep(copyOf(asker), list);
    cursor.at = at + listed.length;
    return list.entities;
  }

  /** The end of the list is a guess as well; a wrong guess is not valid JSON. */
  function listIn(listed: string): ReadList | undefined {
    const entities = readRecordedEntities(parsed(listed));
    return entities === undefined ? undefined : { text: copyOf(listed), entities };
  }

  function keep(asker: string, list: ReadList): void {
    if (lists.size >= maxLists || readBy.size >= maxAskers || characters >= maxCharacters) {
      lists.clear();
      readBy.clear();
      characters = 0;
    }
    if (!lists.has(list.text)) characters += list.text.length;
    if (!readBy.has(asker)) characters += asker.length;
    lists.set(list.text, list);
    readBy.set(asker, list);
  }

  return (text) => {
    if (!text.isWellFormed()) return undefined;
    const cursor = cursorAt(text, 0);
    if (!passed(cursor, '{"action":')) return undefined;
    const action = readText(cursor);
    if (action === undefined || !passed(cursor, ',"context":')) return undefined;
    const context = schema.readContext(action, cursor);
    if (context === undefined || !passed(cursor, ',"entities":')) return undefined;
    const entities = readEntities(cursor);
    if (entities === undefined) return undefined;
    const limits = passed(cursor, ',"limits":') ? readLimits(cursor) : 'none';
    if (limits === undefined || !passed(cursor, ',"local":')) return undefined;
    const local = schema.readEntities(cursor);
    if (local === undefined || !passed(cursor, ',"principal":')) return undefined;
    const principal = readUid(cursor);
    if (principal === undefined || !passed(cursor, ',"resource":')) return undefined;
    const resource = readUid(cursor);
    if (resource === undefined) return undefined;
    const unevaluable = passed(cursor, ',"unevaluable":true');
    if (!passed(cursor, ',"v":1}') || cursor.at !== text.length) return undefined;
    const outline = { action, principal, resource, entities, unevaluable };
    return { outline: limits === 'none' ? outline : { ...outline, limits }, context, local };
  };
}

/** The end is a guess; a wrong guess is not valid JSON. */
function readLimits(cursor: TextCursor): LimitFinding | undefined {
  const end = cursor.text.indexOf(',"local":[', cursor.at);
  if (end === -1) return undefined;
  // Parsed from JSON.
  const limits = readFinding(parsed(cursor.text.slice(cursor.at, end)) as Json | undefined);
  cursor.at = end;
  return limits;
}

function readUid(cursor: TextCursor): EntityUid | undefined {
  if (!passed(cursor, '{"id":')) return undefined;
  const id = readText(cursor);
  if (id === undefined || !passed(cursor, ',"type":')) return undefined;
  const type = readText(cursor);
  return type === undefined || !passed(cursor, '}') ? undefined : { type, id };
}
