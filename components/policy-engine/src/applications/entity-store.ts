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

async function numberFrom(session: Session, sql: string, values: readonly unknown[]): Promise<number> {
  const { rows } = await ask<{ number: number }>(session, sql, values);
  return rows[0]?.number ?? 0;
}

/**
 * Increments the version of a model, and locks its entities until the transaction ends.
 * @param atLeast minimum of the new version
 */
export function nextEntityVersion(session: pg.PoolClient, namespace: string, atLeast = 1): Promise<number> {
  return numberFrom(
    session,
    `insert into application_entity_versions as counted (namespace, version) values ($1, $2)
     on conflict (namespace) do update set version = greatest(counted.version + 1, excluded.version)
     returning version as number`,
    [namespace, atLeast],
  );
}

/** Locks the entities of a model. @returns its version */
export function lockEntities(session: pg.PoolClient, namespace: string): Promise<number> {
  return numberFrom(
    session,
    `insert into application_entity_versions as counted (namespace, version) values ($1, 0)
     on conflict (namespace) do update set version = counted.version returning version as number`,
    [namespace],
  );
}

/** The version of a model, after waiting for all changes in progress. */
export function settledEntityVersion(session: pg.PoolClient, namespace: string): Promise<number> {
  return numberFrom(
    session,
    'select version as number from application_entity_versions where namespace = $1 for share',
    [namespace],
  );
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

export function countEntities(session: Session, namespace: string): Promise<number> {
  return numberFrom(session, 'select count(*)::integer as number from application_entities where namespace = $1', [
    namespace,
  ]);
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
