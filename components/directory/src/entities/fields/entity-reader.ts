import { canonicalize, type Json } from '@countersign/kernel';
import type { KeyCache } from '@countersign/oauth';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Entity, EntityKind, Entry, JsonDocument } from '../../entry.ts';
import type { DirectoryCode, Place } from '../../problems.ts';

/** Reads one entity of one kind. Files and storage share this parser. */
export interface EntityReader {
  readonly kind: EntityKind;
  readonly list: string;
  readonly schema: TSchema;
  /** An entity that breaks a rule but can be read is reported and returned. */
  read(input: unknown, place: Place, keys: KeyCache): Entry | undefined;
}

export interface Reading {
  readonly id: string;
  readonly owner: Entry['owner'];
  readonly entity: Entity;
}

export function entityReader<Schema extends TSchema>(options: {
  readonly kind: EntityKind;
  readonly list: string;
  readonly schema: Schema;
  readonly choiceCode?: DirectoryCode;
  readonly read: (document: Static<Schema>, place: Place, keys: KeyCache) => Reading | undefined;
}): EntityReader {
  const validator = Compile(options.schema);
  const hasShape = (input: unknown): input is Static<Schema> & JsonDocument => validator.Check(input);
  return {
    kind: options.kind,
    list: options.list,
    schema: options.schema,
    read(input, place, keys) {
      if (!hasShape(input)) {
        reportShape(validator.Errors(input), place, options.choiceCode ?? 'directory_file_invalid');
        return undefined;
      }
      const reading = options.read(input, place, keys);
      return reading === undefined ? undefined : { ...reading, document: sortLists(input), path: place.path };
    },
  };
}

interface ShapeError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
}

function reportShape(errors: readonly ShapeError[], place: Place, choiceCode: DirectoryCode): void {
  for (const error of errors) {
    const at = place.at(...pointerSteps(error.instancePath));
    // The validator reports an unknown key twice; keep the report with the key in its path.
    if (error.keyword === 'additionalProperties') continue;
    if (error.keyword === 'boolean') at.report('directory_file_invalid', 'There is no such key here.');
    else if ('allowedValues' in error.params && Array.isArray(error.params.allowedValues))
      at.report(choiceCode, `The value must be one of ${error.params.allowedValues.join(', ')}.`);
    else at.report('directory_file_invalid', `The value ${error.message}.`);
  }
}

function pointerSteps(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** It starts with the certificate of the key (RFC 7517 section 4.7). All other lists are sets. */
const orderedLists: ReadonlySet<string> = new Set(['x5c']);

function sortLists(document: JsonDocument): JsonDocument {
  return Object.fromEntries(
    Object.entries(document).map(([name, member]) => [name, orderedLists.has(name) ? member : sorted(member)]),
  );
}

function sorted(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  // An object, since it is no list.
  if (!Array.isArray(value)) return sortLists(value as JsonDocument);
  const items = value.map((item: Json) => ({ item: sorted(item), text: canonicalize(item) }));
  return items.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0)).map(({ item }) => item);
}
