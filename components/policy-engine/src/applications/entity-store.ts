import type { RecordId } from '@countersign/kernel';
import { ask, notifyAfterCommit } from '@countersign/runtime';
import type pg from 'pg';
import { versionChannel } from '../versions/store.ts';

type Session = pg.Pool | pg.PoolClient;

export interface EntityName {
  readonly namespace: string;
  /** Type name with the namespace. */
  readonly type: string;
  readonly id: string;
}

export interface EntityRow {
  readonly type: string;
  readonly id: string;
  /** Digest of the stored document, computed by the database. Detects changes, but proves nothing. */
  readonly digest: string;
  readonly record: RecordId;
}

export async function versionsOfEntities(session: Session): Promise<ReadonlyMap<string, number>> {
  const { rows } = await ask<{ namespace: string; version: number }>(
    session,
    'select namespace, version from application_entity_versions',
  );
  return new Map(rows.map(({ namespace, version }) => [namespace, version]));
}

/**
 * Increments the version of a model, and locks its entities until the transaction ends.
 * @param atLeast minimum of the new version
 */
export async function nextEntityVersion(session: pg.PoolClient, namespace: string, atLeast = 1): Promise<number> {
  const {
    rows: [row],
  } = await ask<{ version: number }>(
    session,
    `insert into application_entity_versions as counted (namespace, version) values ($1, $2)
     on conflict (namespace) do update set version = greatest(counted.version + 1, excluded.version) returning version`,
    [namespace, atLeast],
  );
  return row?.version ?? 0;
}

/** Locks the entities of a model. @returns its version */
export async function lockEntities(session: pg.PoolClient, namespace: string): Promise<number> {
  const {
    rows: [row],
  } = await ask<{ version: number }>(
    session,
    `insert into application_entity_versions as counted (namespace, version) values ($1, 0)
     on conflict (namespace) do update set version = counted.version returning version`,
    [namespace],
  );
  return row?.version ?? 0;
}

/** The version of a model, after waiting for all changes in progress. */
export async function settledEntityVersion(session: pg.PoolClient, namespace: string): Promise<number> {
  const {
    rows: [row],
  } = await ask<{ version: number }>(
    session,
    'select version from application_entity_versions where namespace = $1 for share',
    [namespace],
  );
  return row?.version ?? 0;
}

export async function entityRows(session: Session, namespace: string): Promise<readonly EntityRow[]> {
  const { rows } = await ask<EntityRow>(
    session,
    `select type, id, encode(sha256(convert_to(document, 'UTF8')), 'hex') as digest, record_id as record
     from application_entities where namespace = $1 order by type, id`,
    [namespace],
  );
  return rows;
}

/** Canonical JSON (RFC 8785) of the entities, in their order; undefined for a missing one. */
export async function entityDocuments(
  session: Session,
  namespace: string,
  names: readonly Pick<EntityRow, 'type' | 'id'>[],
): Promise<readonly (string | undefined)[]> {
  const { rows } = await ask<{ document: string | null }>(
    session,
    `select e.document from unnest($2::text[], $3::text[]) with ordinality as asked (type, id, place)
     left join application_entities e on e.namespace = $1 and e.type = asked.type and e.id = asked.id
     order by asked.place`,
    [namespace, names.map(({ type }) => type), names.map(({ id }) => id)],
  );
  return rows.map(({ document }) => document ?? undefined);
}

export async function recordOfEntity(
  session: Session,
  { namespace, type, id }: EntityName,
): Promise<RecordId | undefined> {
  const { rows } = await ask<{ record_id: RecordId }>(
    session,
    'select record_id from application_entities where namespace = $1 and type = $2 and id = $3',
    [namespace, type, id],
  );
  return rows[0]?.record_id;
}

export async function countEntities(session: Session, namespace: string): Promise<number> {
  const {
    rows: [row],
  } = await ask<{ count: number }>(
    session,
    'select count(*)::integer as count from application_entities where namespace = $1',
    [namespace],
  );
  return row?.count ?? 0;
}

export async function writeEntity(
  session: pg.PoolClient,
  { namespace, type, id }: EntityName,
  { document, recordId }: { readonly document: string; readonly recordId: RecordId },
): Promise<void> {
  await ask(
    session,
    `insert into application_entities (namespace, type, id, document, record_id) values ($1, $2, $3, $4, $5)
     on conflict (namespace, type, id) do update set document = excluded.document, record_id = excluded.record_id`,
    [namespace, type, id, document, recordId],
  );
  notifyAfterCommit(session, versionChannel);
}

export async function deleteEntity(session: pg.PoolClient, { namespace, type, id }: EntityName): Promise<void> {
  await ask(session, 'delete from application_entities where namespace = $1 and type = $2 and id = $3', [
    namespace,
    type,
    id,
  ]);
  notifyAfterCommit(session, versionChannel);
}
