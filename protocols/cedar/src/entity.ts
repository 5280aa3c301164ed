import type { CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs';
import { cedarErrors } from './errors.ts';
import { isPlainObject } from './plain-object.ts';
import {
  type Entity,
  type EntityReference,
  type EntityUid,
  isActionType,
  noAttributes,
  parseEntityUid,
  UnrelatedEntity,
  type Value,
} from './value.ts';
import { MalformedValue, recordToJson, type ValueLimits, ValueReader } from './value-json.ts';

/** An entity as supplied by callers: attributes, tags and parents in Cedar's JSON form. */
export interface EntityInput {
  readonly uid: EntityUid;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly parents: readonly EntityUid[];
  readonly tags?: Readonly<Record<string, unknown>>;
}

/** An entity serialised to Cedar's JSON form. Parsing it gives the same entity. */
export interface EntityJson {
  uid: { type: string; id: string };
  attrs: Record<string, CedarValueJson>;
  parents: { type: string; id: string }[];
  /** Absent if there are none. */
  tags?: Record<string, CedarValueJson>;
}

export const maxAncestors = 1_024;

const limits: ValueLimits = { maxDepth: 16, maxValues: 65_536, maxStringLength: 65_536 };

/**
 * @param position index in the input, used in errors if it has no uid
 * @throws CodedError `entities_refused`
 */
export function readEntity(input: unknown, position?: number): UnrelatedEntity {
  const reference = isPlainObject(input) ? parseEntityUid(input['uid']) : undefined;
  if (!isPlainObject(input) || reference === undefined) {
    throw cedarErrors.error(
      'entities_refused',
      `${position === undefined ? 'An entity' : `Entity ${position}`} has no uid of a type name and an id.`,
    );
  }
  if (isActionType(reference.type)) throw refuseEntity(reference, 'is an action, which only the schema declares');
  const parents: unknown = input['parents'];
  if (!Array.isArray(parents)) throw refuseEntity(reference, 'has no array of parents');
  try {
    return new UnrelatedEntity(
      reference,
      new ValueReader('attrs', limits).readRecord(input['attrs']),
      parents.map((parent) => {
        const parsed = parseEntityUid(parent);
        if (parsed === undefined) throw refuseEntity(reference, 'has a parent that is not a type name and an id');
        // Only the schema defines the groups of an action, and the entity would also inherit those groups.
        if (isActionType(parsed.type)) throw refuseEntity(reference, 'has an action as a parent');
        return parsed;
      }),
      input['tags'] === undefined ? noAttributes : new ValueReader('tags', limits).readRecord(input['tags']),
    );
  } catch (error) {
    if (error instanceof MalformedValue) throw refuseEntity(reference, `is malformed: ${error.message}`);
    throw error;
  }
}

export function entityToJson({ reference, attributes, parents, tags }: Entity): EntityJson {
  return {
    uid: uidOf(reference),
    attrs: recordToJson(attributes),
    parents: parents.map(uidOf),
    ...(tags.names.length === 0 ? {} : { tags: recordToJson(tags) }),
  };
}

/** The entities that an entity references: its parents and those in its attributes and tags. */
export function referencesOf({ attributes, parents, tags }: Entity): readonly EntityUid[] {
  const found: EntityUid[] = [...parents];
  collectReferences(attributes, found);
  collectReferences(tags, found);
  return found;
}

export function collectReferences(value: Value, found: EntityUid[]): void {
  if (typeof value !== 'object') return;
  if (value.kind === 'entity') found.push(value);
  else if (value.kind === 'set') for (const item of value.items) collectReferences(item, found);
  else if (value.kind === 'record') for (const item of value.values) collectReferences(item, found);
}

/** Ids may be personal data: the public detail names the type, the internal one the entity. */
export function refuseEntity(reference: EntityReference, what: string): Error {
  return cedarErrors.error('entities_refused', `An entity of type ${reference.type} ${what}.`, {
    internal: `${reference.type} ${reference.id}`,
  });
}

function uidOf({ type, id }: EntityReference): { type: string; id: string } {
  return { type, id };
}
