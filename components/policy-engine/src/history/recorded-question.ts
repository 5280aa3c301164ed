import {
  createEntitySnapshot,
  createLazySnapshot,
  type EntityInput,
  EntityReadings,
  EntityReference,
  type EntitySnapshot,
  type EntityUid,
  parseEntityUid,
} from '@countersign/cedar';
import { type Digest, digestOf, type Json, parseDigest } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { type LimitFinding, readFinding } from '../decision/limit-finding.ts';
import { type Question, QuestionOfValues, QuestionValues } from '../decision/question.ts';
import { memberOf, membersOf } from './json-members.ts';

/** The recorded input of a decision, with entities of the directory by digest. */
export interface RecordedInput extends RecordedOutline {
  readonly context: Readonly<Record<string, Json>>;
  readonly local: readonly EntityInput[];
}

export interface RecordedOutline {
  readonly action: string;
  readonly application?: string;
  readonly principal: EntityUid;
  readonly resource: EntityUid;
  readonly entities: readonly RecordedEntity[];
  readonly limits?: LimitFinding;
  readonly unevaluable: boolean;
}

export interface RecordedEntity {
  readonly uid: EntityUid;
  readonly digest: Digest;
}

/** Reads the input of a decision; undefined for any other document. Entities are checked when they are used. */
export function readRecordedInput(json: unknown): RecordedInput | undefined {
  const { context, entities, local } = membersOf(json) ?? {};
  const outline = readRecordedOutline(json, readRecordedEntities(entities));
  if (
    outline === undefined ||
    membersOf(context) === undefined ||
    !Array.isArray(local) ||
    local.some((entity: unknown) => uidIn(memberOf(entity, 'uid')) === undefined)
  )
    return undefined;
  return {
    ...outline,
    // An object, as checked.
    context: context as Readonly<Record<string, Json>>,
    // Each has a uid, as checked; Cedar checks the rest.
    local: local as readonly EntityInput[],
  };
}

function readRecordedOutline(
  json: unknown,
  entities: readonly RecordedEntity[] | undefined,
): RecordedOutline | undefined {
  const { v, action, application, principal, resource, limits, unevaluable } = membersOf(json) ?? {};
  const read = {
    principal: uidIn(principal),
    resource: uidIn(resource),
    // Parsed from JSON.
    limits: limits === undefined ? undefined : readFinding(limits as Json),
  };
  if (
    v !== 1 ||
    typeof action !== 'string' ||
    (application !== undefined && typeof application !== 'string') ||
    read.principal === undefined ||
    read.resource === undefined ||
    entities === undefined ||
    (limits !== undefined && read.limits === undefined)
  )
    return undefined;
  return {
    action,
    ...(application === undefined ? {} : { application }),
    principal: read.principal,
    resource: read.resource,
    entities,
    ...(read.limits === undefined ? {} : { limits: read.limits }),
    unevaluable: unevaluable === true,
  };
}

function uidIn(json: unknown): EntityUid | undefined {
  const { type, id } = membersOf(json) ?? {};
  return typeof type === 'string' && typeof id === 'string' ? { type, id } : undefined;
}

/** Validated lists, which may be shared by several records. */
const readLists = new WeakSet<object>();

/** Reads a list of entities by type, id and digest; undefined for any other value. */
export function readRecordedEntities(json: unknown): readonly RecordedEntity[] | undefined {
  if (!Array.isArray(json)) return undefined;
  // Read before.
  if (readLists.has(json)) return json as readonly RecordedEntity[];
  const entities: RecordedEntity[] = [];
  // Each element is checked below.
  for (const element of json as readonly unknown[]) {
    const entity = entityIn(element);
    if (entity === undefined) return undefined;
    entities.push(entity);
  }
  readLists.add(entities);
  return entities;
}

function entityIn(json: unknown): RecordedEntity | undefined {
  if (!Array.isArray(json) || json.length !== 3) return undefined;
  // Each member is checked below.
  const [type, id, written] = json as readonly unknown[];
  const digest = parseDigest(written);
  return typeof type === 'string' && typeof id === 'string' && digest !== undefined
    ? { uid: { type, id }, digest }
    : undefined;
}

/** Reads a stored entity; undefined if it does not match its digest. */
export function readEntityFact(digest: Digest, text: string): EntityInput | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (uidIn(memberOf(json, 'uid')) === undefined || digestOf(json) !== digest) return undefined;
  // It has a uid, as checked; Cedar checks the rest.
  return json as EntityInput;
}

/** The rules for a question: of the market, or of its application model, if the bundle has it. */
export function rulesFor(
  bundle: LoadedBundle,
  { application }: Pick<RecordedOutline, 'application'>,
): LoadedBundle | undefined {
  return application === undefined ? bundle : bundle.applications.get(application)?.loaded;
}

/**
 * Makes questions for one bundle from recorded inputs: the directory at that time, with the bundle's own reference data. Inputs with
 * the same list of entities share a snapshot.
 */
export function createQuestions(
  { entities }: Pick<LoadedBundle, 'entities'>,
  factOf: (digest: Digest) => EntityInput | undefined,
): {
  from(input: RecordedInput): Question;
  fromValues(outline: RecordedOutline, read: Pick<QuestionValues, 'context' | 'local'>): Question;
} {
  const base = createEntitySnapshot(entities);
  const readings = new EntityReadings();
  const snapshots = new WeakMap<
    readonly RecordedEntity[],
    { readonly types: string; readonly snapshot: EntitySnapshot }
  >();

  function snapshotOf(recorded: readonly RecordedEntity[], localTypes: readonly string[]): EntitySnapshot {
    const types = localTypes.join(' ');
    const known = snapshots.get(recorded);
    if (known?.types === types) return known.snapshot;
    const digests = new Map(recorded.map(({ uid, digest }) => [keyOf(uid), digest]));
    const snapshot = createLazySnapshot({
      load(uid) {
        const digest = digests.get(keyOf(uid));
        return digest === undefined ? undefined : factOf(digest);
      },
      localTypes: new Set(localTypes),
      base,
      readings,
    });
    snapshots.set(recorded, { types, snapshot });
    return snapshot;
  }

  return {
    from: (input) => ({
      principal: input.principal,
      action: input.action,
      resource: input.resource,
      context: input.context,
      local: input.local,
      shared: snapshotOf(
        input.entities,
        input.local.map(({ uid }) => uid.type),
      ),
    }),
    fromValues({ principal, action, resource, entities }, { context, local }) {
      const shared = snapshotOf(
        entities,
        local.map(({ reference }) => reference.type),
      );
      const asking = parseEntityUid(principal);
      const about = parseEntityUid(resource);
      const values = new QuestionValues(
        asking ?? new EntityReference(principal.type, principal.id),
        about ?? new EntityReference(resource.type, resource.id),
        context,
        local,
      );
      // With an invalid name the values are not used: the JSON is parsed and refused.
      const sound = asking !== undefined && about !== undefined;
      return new QuestionOfValues({ action, shared }, values, sound);
    },
  };
}

function keyOf({ type, id }: EntityUid): string {
  return `${type} ${id}`;
}
