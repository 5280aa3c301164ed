import type { EntityInput } from '@countersign/cedar';
import {
  type ApplicationEntities as ApplicationEntitiesContract,
  type ApplicationEntity,
  type AuditAppender,
  type AuditLog,
  auditLogErrors,
  type EvaluationCaller,
  ended,
  policyErrors,
  recordIdAfter,
  recordIdOfCommand,
  type Standing,
  type StandingRecord,
  type StandingThing,
  standing,
} from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  canonicalize,
  digestOf,
  isCodedError,
  type Json,
  newId,
  type Random,
  type RecordId,
  sha256Base64Url,
} from '@countersign/kernel';
import { type Logger, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { maxApplicationEntities } from '../bundle/application.ts';
import { inTurns } from '../bundle/in-turns.ts';
import type { LoadedApplication, LoadedBundle } from '../bundle/loaded-bundle.ts';
import { misfitOf } from '../bundle/misfit.ts';
import { whyUnwritable } from '../bundle/unwritable.ts';
import { keyOf } from '../decision/entity-facts.ts';
import { oneAtATime } from '../one-at-a-time.ts';
import { notRead, type WrittenEntities } from './application-entities.ts';
import {
  countEntities,
  deleteEntity,
  type EntityName,
  type EntityRow,
  entityDocuments,
  entityRows,
  nextEntityVersion,
  recordOfEntity,
  settledEntityVersion,
  versionsOfEntities,
  writeEntity,
} from './entity-store.ts';
import type { WrittenEntitiesReader } from './information-model.ts';
import { completeEntities, recordedEntities, thingOf } from './recorded-entities.ts';

/** Characters of one entity, as canonical JSON. */
const maxEntityCharacters = 16_384;
const maxListed = 100;
const maxAttempts = 4;

interface Dependencies {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & Pick<AuditLog, 'find' | 'standings' | 'standingsUnder'>;
  /** What decides now: who may write what is of the signed bundle. */
  readonly loaded: () => LoadedBundle;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** What was written of the models over the interface: how it is changed, and what this node knows of it. */
interface FollowedEntities extends WrittenEntitiesReader, ApplicationEntitiesContract {
  /** Reads what has changed, and the entities of models that have come into force. */
  refresh(): Promise<void>;
}

/** @throws CodedError `database_unavailable`, `log_unavailable` */
export async function createWrittenEntities(dependencies: Dependencies): Promise<FollowedEntities> {
  const { pool, audit, logger } = dependencies;
  const known = new Map<string, WrittenEntities>();

  const current = (namespace: string): WrittenEntities => known.get(namespace) ?? notRead;

  /** What was read last of each model, by keys: it is not read again while its text is the same. */
  const read = new Map<string, ReadonlyMap<string, ReadEntity>>();

  async function load(namespace: string): Promise<void> {
    const before = read.get(namespace) ?? new Map<string, ReadEntity>();
    const loaded = await transaction(pool, async (session) => {
      // Whoever changes something just now has recorded it and not written it: here they have finished.
      const version = await settledEntityVersion(session, namespace);
      const rows = await entityRows(session, namespace);
      const changed = rows.filter((row) => before.get(keyOf(row))?.text !== row.digest);
      const documents = await entityDocuments(session, namespace, changed);
      return { version, rows, changed, documents, recorded: await recordedEntities(audit, namespace) };
    });
    // One model that is large, and changed often, must not hold up the decisions of others.
    const fresh = await inTurns(readingOf(namespace, loaded));
    const all = new Map<string, ReadEntity>();
    for (const row of loaded.rows) {
      const key = keyOf(row);
      const found = fresh.get(key) ?? before.get(key);
      if (found?.text === row.digest) all.set(key, found);
    }
    const proven =
      loaded.recorded.size === loaded.rows.length &&
      all.size === loaded.rows.length &&
      [...all.values()].every(({ thing, digest }) => loaded.recorded.get(thing)?.digest === digest);
    read.set(namespace, all);
    known.set(namespace, {
      version: loaded.version,
      entities: [...all.values()].map(({ entity }) => entity),
      proven,
    });
  }

  async function loadProven(namespace: string): Promise<void> {
    await load(namespace);
    if (current(namespace).proven) return;
    const version = await completeEntities(namespace, { pool, log: audit });
    if (version !== current(namespace).version) await load(namespace);
    if (!current(namespace).proven)
      logger.error(
        { namespace },
        'stored entities of a model are not those that were recorded: nothing is decided by them',
      );
  }

  const refresh = oneAtATime(async () => {
    const versions = await versionsOfEntities(pool);
    // Also those without a row: whoever took the rows out has not taken out the records.
    for (const namespace of new Set([...versions.keys(), ...dependencies.loaded().applications.keys()])) {
      const now = known.get(namespace);
      // One that was not proven is looked at again: what was interrupted may be completed now.
      if (now?.version !== (versions.get(namespace) ?? 0) || !now.proven) await loadProven(namespace);
    }
  });

  await refresh();

  async function refuse(error: CodedError, name: EntityName, by: EvaluationCaller): Promise<never> {
    await audit.append({
      id: newId('record', dependencies),
      type: 'application.entity_refused',
      source: 'policy-engine',
      outcome: 'deny',
      reason: error.code,
      subject: actorOf(by),
      data: { application: name.namespace.slice(0, 64), thing: digestOf([name.type, name.id]) },
    });
    throw error;
  }

  /** The model, where the caller's client may write its entities. Of any other nobody learns whether it is there. */
  async function modelFor(name: EntityName, by: EvaluationCaller): Promise<LoadedApplication> {
    const found = writable(name.namespace, by);
    return found ?? refuse(notFound(), name, by);
  }

  function writable(namespace: string, { client }: EvaluationCaller): LoadedApplication | undefined {
    const application = dependencies.loaded().applications.get(namespace);
    return client !== undefined && application?.model.clients.write.includes(client) === true ? application : undefined;
  }

  /** Begins anew where another change was recorded behind the same one: that comes first. */
  async function changing<Outcome>(
    { namespace }: EntityName,
    work: (session: pg.PoolClient) => Promise<Outcome>,
  ): Promise<Outcome> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await transaction(pool, work);
      } catch (error) {
        if (!auditLogErrors.is(error, 'record_identity_taken') || attempt >= maxAttempts) throw error;
        await completeEntities(namespace, { pool, log: audit });
      }
    }
  }

  const newestOf = async (thing: string) => (await audit.standings([thing])).get(thing);

  async function append(
    type: 'application.entity_written' | 'application.entity_removed',
    name: EntityName,
    { by, version, stands, newest, previous, entity }: EntityChange,
  ) {
    // It follows from the record before: of two that hold the model, where one has lost its lock, but one is recorded.
    const id = newest === undefined ? recordIdOfCommand({ first: stands.of }) : recordIdAfter(stands.of, newest.record);
    await audit.append({
      id,
      type,
      source: 'policy-engine',
      outcome: 'done',
      subject: actorOf(by),
      standing: [stands],
      data: {
        application: name.namespace,
        type: name.type,
        thing: digestOf([name.type, name.id]),
        version,
        ...(previous === undefined ? {} : { previous }),
      },
      // Who and what it is about may be personal, and is kept where it can be erased.
      protectedValues: [
        {
          path: '/data/entity',
          kind: 'strategy',
          subject: by.institution ?? 'institution:unknown',
          value: entity ?? { id: name.id, type: name.type },
        },
      ],
    });
    return id;
  }

  return {
    current,
    async atLeast(namespace, version) {
      if (current(namespace).version >= version) return;
      await refresh();
      if (current(namespace).version >= version) return;
      throw policyErrors.error('policy_behind', `This node has seen no version ${version} of these entities.`);
    },

    async put(asked, { attrs, parents }, by) {
      const name = nameIn(asked);
      const application = await modelFor(name, by);
      const entity = {
        attrs,
        parents: parents.map(({ type, id }) => ({ id, type })),
        uid: { id: name.id, type: name.type },
      };
      const fault = faultOf(application, entity);
      if (fault !== undefined) return refuse(fault, name, by);
      const document = canonicalize(entity);
      const outcome = await changing(name, async (session) => {
        const version = await nextEntityVersion(session, name.namespace);
        const room = maxApplicationEntities - application.entities.length;
        const previous = await recordOfEntity(session, name);
        if (previous === undefined && (await countEntities(session, name.namespace)) >= room)
          return policyErrors.error(
            'application_entities_full',
            `A model has at most ${maxApplicationEntities} entities: remove some first.`,
          );
        const stands = standing(thingOf(name), entity);
        const newest = await newestOf(stands.of);
        const change = { by, version, stands, newest, previous, entity };
        const recordId = await append('application.entity_written', name, change);
        await writeEntity(session, name, { document, recordId });
        return { version, recordId };
      });
      if (isCodedError(outcome)) return refuse(outcome, name, by);
      await refresh();
      return outcome;
    },

    async remove(asked, by) {
      const name = nameIn(asked);
      await modelFor(name, by);
      const outcome = await changing(name, async (session) => {
        const version = await nextEntityVersion(session, name.namespace);
        const thing = thingOf(name);
        const newest = await newestOf(thing);
        const previous = await recordOfEntity(session, name);
        if (newest?.digest === undefined && previous === undefined) return undefined;
        const change = { by, version, stands: ended(thing), newest, previous };
        const recordId = await append('application.entity_removed', name, change);
        await deleteEntity(session, name);
        return { version, recordId };
      });
      await refresh();
      if (outcome === undefined) throw entityNotFound();
      return outcome;
    },

    async list(namespace, { after, by }) {
      const application = await modelFor({ namespace, type: '', id: '' }, by);
      const { version, entities } = current(application.model.namespace);
      const keyed = entities
        .map((entity) => [pageKey(entity), shown(entity)] as const)
        .sort(([left], [right]) => (left < right ? -1 : 1));
      const rest = keyed.filter(([key]) => after === undefined || key > after);
      const page = rest.slice(0, maxListed);
      const last = page.at(-1)?.[0];
      return {
        version,
        entities: page.map(([, entity]) => entity),
        ...(rest.length > page.length && last !== undefined ? { next: last } : {}),
      };
    },

    async find(asked, by) {
      const name = nameIn(asked);
      await modelFor(name, by);
      const found = current(name.namespace).entities.find(({ uid }) => uid.type === name.type && uid.id === name.id);
      if (found === undefined) throw entityNotFound();
      return shown(found);
    },

    refresh,
  };
}

interface EntityChange {
  readonly by: EvaluationCaller;
  readonly version: number;
  readonly stands: Standing;
  /** The newest record about the entity. */
  readonly newest: StandingRecord | undefined;
  /** The record of the row that is changed, by which the change is completed where a process dies. */
  readonly previous: RecordId | undefined;
  readonly entity?: Json;
}

/** An entity as a row has it. */
interface ReadEntity {
  readonly thing: string;
  /** Digest of the row as the database counted it when it was read. */
  readonly text: string;
  /** As we count it: that of the record. */
  readonly digest: string;
  readonly entity: EntityInput;
}

/** Of what has changed, that which is as it was recorded: anything else is not even parsed. */
function* readingOf(
  namespace: string,
  {
    changed,
    documents,
    recorded,
  }: {
    readonly changed: readonly EntityRow[];
    readonly documents: readonly (string | undefined)[];
    readonly recorded: ReadonlyMap<string, StandingThing>;
  },
): Generator<void, ReadonlyMap<string, ReadEntity>> {
  const read = new Map<string, ReadEntity>();
  for (const [index, row] of changed.entries()) {
    const document = documents[index] ?? '';
    const thing = thingOf({ namespace, ...row });
    const digest = sha256Base64Url(document);
    if (recorded.get(thing)?.digest === digest)
      read.set(keyOf(row), { thing, text: row.digest, digest, entity: JSON.parse(document) as EntityInput });
    yield;
  }
  return read;
}

const actorOf = ({ id, institution }: EvaluationCaller) => (institution === undefined ? { id } : { id, institution });

const nameIn = ({ namespace, type, id }: EntityName): EntityName => ({ namespace, type: `${namespace}::${type}`, id });

const pageKey = ({ uid }: EntityInput): string => Buffer.from(keyOf(uid)).toString('hex');

function shown({ uid, attrs, parents }: EntityInput): ApplicationEntity {
  return {
    uid: { type: uid.type, id: uid.id },
    attrs: attrs as ApplicationEntity['attrs'],
    parents: parents.map(({ type, id }) => ({ type, id })),
  };
}

/** Why an entity is none of this model that may be written over the interface. */
function faultOf({ entities, loaded }: LoadedApplication, entity: EntityInput): CodedError | undefined {
  const invalid = (detail: string) => policyErrors.error('application_entity_invalid', detail);
  const { uid } = entity;
  if (uid.id === '' || uid.id.length > 512) return invalid('An id has 1 to 512 characters.');
  const unwritable = whyUnwritable(entity);
  if (unwritable !== undefined) return invalid(`It cannot be kept: ${unwritable}.`);
  if (canonicalize(entity).length > maxEntityCharacters)
    return invalid(`An entity has at most ${maxEntityCharacters} characters of JSON.`);
  let misfit: string | undefined;
  try {
    misfit = misfitOf(loaded.parsed.schema, entity);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    misfit = error.detail;
  }
  if (misfit !== undefined) return invalid(`It is not as the schema says: ${misfit}`);
  if (entities.some(({ uid: own }) => own.type === uid.type && own.id === uid.id))
    return policyErrors.error(
      'application_entity_governed',
      'This entity came with the policies: it changes with them, by two people.',
    );
  return undefined;
}

function notFound(): CodedError {
  return policyErrors.error(
    'application_not_found',
    'There is no model by this namespace that this client may write to.',
  );
}

function entityNotFound(): CodedError {
  return policyErrors.error(
    'application_entity_not_found',
    'There is no such entity that was written over this interface.',
  );
}
