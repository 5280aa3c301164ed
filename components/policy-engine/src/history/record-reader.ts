import { memberOf } from './json-members.ts';
import { type RecordedEntity, readRecordedEntities } from './recorded-question.ts';

/** Lists kept; past it, they are read again. */
const maxLists = 20_000;
const dataOpening = ',"data":{';
const opening = '"entities":[[';
const closing = ']],"';
/** Stands for the list while the rest is parsed; what decisions are recorded from never has it there. */
const marker = '\u0000listed';
const markerText = `"entities":${JSON.stringify(marker)},"`;

/**
 * Reads the `data` of records of decisions, many of them. What somebody's decisions read of the directory is listed in
 * each of them, is nearly always the same, and is a third of the record: it is parsed once, and the same list is in
 * every record that has the same text of it.
 *
 * @returns as `JSON.parse` gives it, but for the list, where each entity is read; undefined for what is no record
 */
export function createRecordReader(): (text: string) => unknown {
  const lists = new Map<string, readonly RecordedEntity[]>();

  /** Where things are in the text is only guessed. A wrong guess is seen, and the record then parsed whole. */
  function readCut(text: string): unknown {
    const from = text.indexOf(dataOpening);
    const start = text.indexOf(opening, from);
    const end = text.indexOf(closing, start);
    if (from === -1 || start === -1 || end === -1) return undefined;
    const listed = text.slice(start + opening.length - 2, end + 2);
    const entities = lists.get(listed) ?? read(listed);
    if (entities === undefined) return undefined;
    // No JSON unless the data is what the record ends with.
    const data = parsed(
      text.slice(from + dataOpening.length - 1, start) + markerText + text.slice(end + closing.length, -1),
    );
    const input = memberOf(memberOf(data, 'decision'), 'input');
    if (memberOf(input, 'entities') !== marker) return undefined;
    (input as { entities: readonly RecordedEntity[] }).entities = entities;
    return data;
  }

  function read(listed: string): readonly RecordedEntity[] | undefined {
    const entities = readRecordedEntities(parsed(listed));
    if (entities === undefined) return undefined;
    if (lists.size >= maxLists) lists.clear();
    // A copy: a piece of a text keeps all of the text in memory.
    lists.set(Buffer.from(listed).toString(), entities);
    return entities;
  }

  return (text) => readCut(text) ?? memberOf(parsed(text), 'data');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
