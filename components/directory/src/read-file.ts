import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ApplyProgress } from '@countersign/contracts';
import { isObject } from '@countersign/kernel';
import type { KeyCache } from '@countersign/oauth';
import { entityReaders } from './entities/index.ts';
import { type Entry, keyOf } from './entry.ts';
import type { Place } from './problems.ts';

export interface DirectoryFile {
  readonly entries: readonly Entry[];
  readonly named: ReadonlySet<string>;
}

const maxEntities = 100_000;

const sliceSize = 500;

export function readFile(input: unknown, root: Place, keys: KeyCache): DirectoryFile {
  const steps = readingSteps(input, root, keys);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

export async function readFileInSlices(
  input: unknown,
  root: Place,
  keys: KeyCache,
  onProgress?: ApplyProgress,
): Promise<DirectoryFile> {
  const steps = readingSteps(input, root, keys);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    onProgress?.({ step: 'read', ...value });
    await nextTurn();
  }
}

interface Reading {
  readonly done: number;
  readonly of: number;
}

function* readingSteps(input: unknown, root: Place, keys: KeyCache): Generator<Reading, DirectoryFile, void> {
  const entries = new Map<string, Entry>();
  if (!isObject(input)) {
    root.report('directory_file_invalid', 'A directory file is a JSON object.');
    return { entries: [], named: new Set() };
  }
  const readers = Object.values(entityReaders);
  for (const name of Object.keys(input)) {
    if (!readers.some(({ list }) => list === name))
      root.at(name).report('directory_file_invalid', 'There is no such key here.');
  }
  const of = readers.reduce((sum, { list }) => sum + lengthOf(input[list]), 0);
  let done = 0;
  for (const reader of readers) {
    const place = root.at(reader.list);
    const list = Object.hasOwn(input, reader.list) ? input[reader.list] : undefined;
    if (list === undefined) continue;
    if (!Array.isArray(list)) place.report('directory_file_invalid', 'The value must be array.');
    else if (entries.size + list.length > maxEntities)
      place.report('directory_file_invalid', `A file holds at most ${maxEntities} entities.`);
    else
      for (const [index, item] of list.entries()) {
        add(reader.read(item, place.at(index), keys), place.at(index));
        done++;
        if (done % sliceSize === 0) yield { done, of };
      }
  }

  function add(entry: Entry | undefined, place: Place): void {
    if (entry === undefined) return;
    const key = keyOf(entry.entity.kind, entry.id);
    if (entries.has(key)) place.report('id_duplicate', 'The file contains another entity with this kind and id.');
    else entries.set(key, entry);
  }

  const all = [...entries.values()];
  return {
    entries: all,
    named: new Set(all.filter(({ entity }) => entity.kind === 'institution').map(({ id }) => id)),
  };
}

function lengthOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}
