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
  type StandingEntry,
  type StandingRecord,
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
import { inTurns } from '../bundle/in-turns.ts';
import { type LoadedApplication, type LoadedBundle, maxApplicationEntities } from '../bundle/loaded-bundle.ts';
import { misfitOf, whyUnwritable } from '../bundle/located.ts';
import { keyOf } from '../decision/entity-facts.ts';
import { oneAtATime } from '../one-at-a-time.ts';
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
import { notRead, type WrittenEntities, type WrittenEntitiesReader } from './information-model.ts';
import { completeEntities, recordedEntities, thingOf } from './recorded-entities.ts';

const maxEntityCharacters = 16_384;
const maxListed = 100;
const maxAttempts = 4;

interface Dependencies {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & Pick<AuditLog, 'find' | 'standings' | 'standingsUnder'>;
  readonly loaded: () => LoadedBundle;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface FollowedEntities extends WrittenEntitiesReader, ApplicationEntitiesContract {
  refresh(): Promise<void>;
}

/** @throws CodedError `database_unavailable`, `log_unavailable` */
export async function createWrittenEntities(dependencies: Dependencies): Promise<FollowedEntities> {
  const { pool, audit, logger } = dependencies;
  const known = new Map<string, WrittenEntities>();

  const current = (namespace: string): WrittenEntities => known.get(namespace) ?? notRead;

  /** Entities of each model by key, to be reused while their text is unchanged. */
  const read = new Map<string, ReadonlyMap<string, ReadEntity>>();

  async function load(namespace: string): Promise<void> {
    const before = read.get(namespace) ?? new Map<string, ReadEntity>();
    const loaded = await transaction(pool, async (session) => {
      // Waits for changes in progress, which may be recorded but not yet written.
      const version = await settledEntityVersion(session, namespace);
      const rows = await entityRows(session, namespace);
      const changed = rows.filter((row) => before.get(keyOf(row))?.text !== row.digest);
      const documents = await entityDocuments(session, namespace, changed);
      return { version, rows, changed, documents, recorded: await recordedEntities(audit, namespace) };
    });
    // In turns, so that a large model does not delay decisions.
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
        'stored entities of an application model contradict their records, so it decides nothing',
      );
  }

  const refresh = oneAtATime(async () => {
    const versions = await versionsOfEntities(pool);
    // Include models without a row, because somebody may have removed the rows.
    for (const namespace of new Set([...versions.keys(), ...dependencies.loaded().applications.keys()])) {
      const now = known.get(namespace);
      // Retry an unproven model, because an interrupted change may be completed now.
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

  /** The model, if the caller's client may write to it. Otherwise refuses without revealing whether the model exists. */
  async function modelFor(name: EntityName, by: EvaluationCaller): Promise<LoadedApplication> {
    const found = writable(name.namespace, by);
    return found ?? refuse(notFound(), name, by);
  }

  function writable(namespace: string, { client }: EvaluationCaller): LoadedApplication | undefined {
    const application = dependencies.loaded().applications.get(namespace);
    return client !== undefined && application?.model.clients.write.includes(client) === true ? application : undefined;
  }

  /** Retries if a concurrent change followed the same record, after completing that change. */
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
    // The id derives from the previous record, so that only one of two concurrent changes is recorded, even if a lock was lost.
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
      // May be personal data, so it is an erasable protected value.
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
      throw policyErrors.error(
        'policy_behind',
        `This node does not have version ${version} of these entities yet. Try again.`,
      );
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
            `An application model has at most ${maxApplicationEntities} entities. Remove some first.`,
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
  readonly newest: StandingRecord | undefined;
  /** The record of the row before the change, needed to complete the change after a crash. */
  readonly previous: RecordId | undefined;
  readonly entity?: Json;
}

interface ReadEntity {
  readonly thing: string;
  /** Digest of the row, computed by the database. */
  readonly text: string;
  readonly digest: string;
  readonly entity: EntityInput;
}

function* readingOf(
  namespace: string,
  {
    changed,
    documents,
    recorded,
  }: {
    readonly changed: readonly EntityRow[];
    readonly documents: readonly (string | undefined)[];
    readonly recorded: ReadonlyMap<string, StandingEntry>;
  },
): Generator<void, ReadonlyMap<string, ReadEntity>> {
  const read = new Map<string, ReadEntity>();
  for (const [index, row] of changed.entries()) {
    const document = documents[index] ?? '';
    const thing = thingOf({ namespace, ...row });
    const digest = sha256Base64Url(document);
    if (recorded.get(thing)?.digest === digest)
      // The row agrees with its record.
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
    // Attributes in the JSON form of Cedar.
    attrs: attrs as ApplicationEntity['attrs'],
    parents: parents.map(({ type, id }) => ({ type, id })),
  };
}

function faultOf({ entities, loaded }: LoadedApplication, entity: EntityInput): CodedError | undefined {
  const invalid = (detail: string) => policyErrors.error('application_entity_invalid', detail);
  const { uid } = entity;
  if (uid.id === '' || uid.id.length > 512) return invalid('The id must have 1 to 512 characters.');
  const unwritable = whyUnwritable(entity);
  if (unwritable !== undefined) return invalid(`The entity cannot be stored: ${unwritable}.`);
  if (canonicalize(entity).length > maxEntityCharacters)
    return invalid(`The entity must have at most ${maxEntityCharacters} characters of JSON.`);
  let misfit: string | undefined;
  try {
    misfit = misfitOf(loaded.parsed.schema, entity);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    misfit = error.detail;
  }
  if (misfit !== undefined) return invalid(`The entity does not fit the schema: ${misfit}`);
  if (entities.some(({ uid: own }) => own.type === uid.type && own.id === uid.id))
    return policyErrors.error(
      'application_entity_governed',
      'This entity belongs to the policies. Change it with a policy change by two people.',
    );
  return undefined;
}

function notFound(): CodedError {
  return policyErrors.error(
    'application_not_found',
    'There is no application model with this namespace that this client may write to.',
  );
}

function entityNotFound(): CodedError {
  return policyErrors.error('application_entity_not_found', 'No such entity was written over this interface.');
}
