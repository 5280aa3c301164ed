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

/** The recorded input of a decision: everything that was put to the policies, what of the directory by digest. */
export interface RecordedInput extends RecordedOutline {
  readonly context: Readonly<Record<string, Json>>;
  readonly local: readonly EntityInput[];
}

/** The same without what the question alone brought along. */
export interface RecordedOutline {
  readonly action: string;
  /** Namespace of the model of an application whose question it was; the market's when left out. */
  readonly application?: string;
  readonly principal: EntityUid;
  readonly resource: EntityUid;
  readonly entities: readonly RecordedEntity[];
  /** What limits were found at, where they were asked. */
  readonly limits?: LimitFinding;
  /** There was no question that could be put to the policies. */
  readonly unevaluable: boolean;
}

export interface RecordedEntity {
  readonly uid: EntityUid;
  /** Of its canonical JSON. */
  readonly digest: Digest;
}

/** Reads the document of a decision; undefined for what is none. What it says of entities is checked when they are read. */
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
    context: context as Readonly<Record<string, Json>>,
    local: local as readonly EntityInput[],
  };
}

/** @param entities as they were read from the document, or from its text */
function readRecordedOutline(
  json: unknown,
  entities: readonly RecordedEntity[] | undefined,
): RecordedOutline | undefined {
  const { v, action, application, principal, resource, limits, unevaluable } = membersOf(json) ?? {};
  const read = {
    principal: uidIn(principal),
    resource: uidIn(resource),
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

/** Lists that have been read: they need not be read again where one stands in several records. */
const readLists = new WeakSet<object>();

/** The list of what of the directory was read: type, id and digest of each; undefined for what is no such list. */
export function readRecordedEntities(json: unknown): readonly RecordedEntity[] | undefined {
  if (!Array.isArray(json)) return undefined;
  if (readLists.has(json)) return json as readonly RecordedEntity[];
  const entities: RecordedEntity[] = [];
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
  const [type, id, written] = json as readonly unknown[];
  const digest = parseDigest(written);
  return typeof type === 'string' && typeof id === 'string' && digest !== undefined
    ? { uid: { type, id }, digest }
    : undefined;
}

/** An entity as it was stored for a digest; undefined when it is not what the digest says. */
export function readEntityFact(digest: Digest, text: string): EntityInput | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (uidIn(memberOf(json, 'uid')) === undefined || digestOf(json) !== digest) return undefined;
  return json as EntityInput;
}

/** The rules that a question is put to: of the market, or of the model of an application where the bundle has it. */
export function rulesFor(
  bundle: LoadedBundle,
  { application }: Pick<RecordedOutline, 'application'>,
): LoadedBundle | undefined {
  return application === undefined ? bundle : bundle.applications.get(application)?.loaded;
}

/**
 * Puts recorded inputs to one bundle, as they would be put to it today: the directory as it was then, over the bundle's
 * own reference data. Inputs that share a list of entities share what is worked out about them.
 */
export function createQuestions(
  { entities }: Pick<LoadedBundle, 'entities'>,
  factOf: (digest: Digest) => EntityInput | undefined,
): {
  from(input: RecordedInput): Question;
  /** Of one whose text has been read by the schema of this bundle. */
  fromValues(outline: RecordedOutline, read: Pick<QuestionValues, 'context' | 'local'>): Question;
} {
  const base = createEntitySnapshot(entities);
  const readings = new EntityReadings();
  const snapshots = new WeakMap<
    readonly RecordedEntity[],
    { readonly types: string; readonly snapshot: EntitySnapshot }
  >();

  /** @param types of the entities that the question brought along */
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
      // By a name that no entity can have nothing is asked as it is: it is read again, and refused.
      const sound = asking !== undefined && about !== undefined;
      return new QuestionOfValues({ action, shared }, values, sound);
    },
  };
}

function keyOf({ type, id }: EntityUid): string {
  return `${type} ${id}`;
}
