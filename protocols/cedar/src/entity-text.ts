import type { PolicySchema } from './policy-schema.ts';
import { textReaderOf } from './record-text.ts';
import { type EntityReference, type RecordValue, UnrelatedEntity } from './value.ts';
import { passed, type QuotedForm, type TextCursor, uidForm } from './value-text.ts';

/** Reads contexts and entities of a schema from canonical JSON; see {@link TextReader}. */
export interface SchemaTextReader {
  /** @returns undefined for text in another form, or an action that the schema does not declare */
  readContext(action: string, cursor: TextCursor): RecordValue | undefined;
  /** Reads a list of entities without tags: `[{"attrs":{…},"parents":[…],"uid":{…}},…]`. */
  readEntities(cursor: TextCursor): readonly UnrelatedEntity[] | undefined;
}

const maxEntities = 64;

export function createTextReader({ actionType, applications, entityTypes }: PolicySchema): SchemaTextReader {
  const contexts = new Map(
    Array.from(applications)
      .filter(([{ type }]) => type === actionType)
      .map(([{ id }, { context }]) => [id, textReaderOf(context)] as const),
  );
  const types = Array.from(entityTypes, ([name, { attributes }]) => ({
    attributes: textReaderOf(attributes),
    parent: uidForm(name),
    // Entities of one question alone mostly have no parents.
    alone: uidForm(name, ',"parents":[],"uid":', '}'),
    uid: uidForm(name, ',"uid":', '}'),
  }));
  /** The type comes last: at one position of the list it is mostly the same as before. */
  const expected: (typeof types)[number][] = [];

  function readEntity(cursor: TextCursor, place: number): UnrelatedEntity | undefined {
    const start = cursor.at;
    const before = expected[place];
    const found = before === undefined ? undefined : readAs(before, cursor);
    if (found !== undefined) return found;
    for (const type of types) {
      cursor.at = start;
      const entity = type === before ? undefined : readAs(type, cursor);
      if (entity === undefined) continue;
      expected[place] = type;
      return entity;
    }
    return undefined;
  }

  function readAs(
    { attributes: readAttributes, alone, uid }: (typeof types)[number],
    cursor: TextCursor,
  ): UnrelatedEntity | undefined {
    if (!passed(cursor, '{"attrs":')) return undefined;
    const attributes = readAttributes(cursor);
    if (attributes === undefined) return undefined;
    const { at } = cursor;
    const only = alone.read(cursor);
    if (only !== undefined) return new UnrelatedEntity(only, attributes);
    cursor.at = at;
    const parents = passed(cursor, ',"parents":[') ? readParents(cursor) : undefined;
    if (parents === undefined) return undefined;
    const reference = uid.read(cursor);
    return reference === undefined ? undefined : new UnrelatedEntity(reference, attributes, parents);
  }

  /** The rest of a list, after its opening bracket. */
  function readParents(cursor: TextCursor): readonly EntityReference[] | undefined {
    const parents: EntityReference[] = [];
    while (!passed(cursor, ']')) {
      if (parents.length > 0 && !passed(cursor, ',')) return undefined;
      const parent = readAny(types, cursor);
      if (parent === undefined || parents.length === maxEntities) return undefined;
      parents.push(parent);
    }
    return parents;
  }

  return {
    readContext: (action, cursor) => contexts.get(action)?.(cursor),
    readEntities(cursor) {
      if (!passed(cursor, '[')) return undefined;
      const entities: UnrelatedEntity[] = [];
      while (!passed(cursor, ']')) {
        if (entities.length > 0 && !passed(cursor, ',')) return undefined;
        const entity = readEntity(cursor, entities.length);
        if (entity === undefined || entities.length === maxEntities) return undefined;
        entities.push(entity);
      }
      return entities;
    },
  };
}

function readAny(
  types: readonly { readonly parent: QuotedForm<EntityReference> }[],
  cursor: TextCursor,
): EntityReference | undefined {
  const start = cursor.at;
  for (const { parent } of types) {
    const reference = parent.read(cursor);
    if (reference !== undefined) return reference;
    cursor.at = start;
  }
  return undefined;
}
