import type { Json, RecordId } from '@countersign/kernel';
import { databaseFailure, notifyAfterCommit } from '@countersign/runtime';
import type pg from 'pg';
import type { EntityKind, Entry } from './entry.ts';

export interface StoredEntity {
  readonly kind: string;
  readonly id: string;
  readonly document: Json;
  readonly recordId: RecordId | null;
}

interface StoredDirectory {
  readonly version: number;
  readonly entities: readonly StoredEntity[];
}

/** Notifies other nodes of a new version. Receivers do not trust the payload. */
export const changeChannel = 'countersign_directory';

export type Session = pg.Pool | pg.PoolClient;

export async function readVersion(session: Session): Promise<number> {
  try {
    const { rows } = await session.query<{ version: number }>({
      name: 'directory-version',
      text: 'select version from directory_state',
    });
    return versionOf(rows);
  } catch (error) {
    throw databaseFailure(error);
  }
}

/** One statement, so that the version and the entities are consistent. */
export async function loadDirectory(session: Session): Promise<StoredDirectory> {
  try {
    const { rows } = await session.query<{
      version: number;
      kind: string | null;
      id: string;
      document: Json;
      recordId: RecordId | null;
    }>(
      `select state.version, entity.kind, entity.id, entity.document, entity.record_id as "recordId"
         from directory_state state left join entities entity on true
        order by entity.kind, entity.id`,
    );
    const entities = rows.flatMap(({ kind, id, document, recordId }) =>
      kind === null ? [] : [{ kind, id, document, recordId }],
    );
    return { version: versionOf(rows), entities };
  } catch (error) {
    throw databaseFailure(error);
  }
}

/** With the present number of entities, which shows whether some were removed. */
interface StoredChanges {
  readonly version: number;
  readonly total: number;
  readonly changed: readonly Omit<StoredEntity, 'recordId'>[];
}

/** Under the lock, or in one snapshot. */
export async function loadChanges(session: pg.PoolClient, since: number): Promise<StoredChanges> {
  const { rows } = await session.query<{
    version: number;
    total: number;
    kind: string | null;
    id: string;
    document: Json;
  }>(
    `select state.version, (select count(*)::integer from entities) as total, entity.kind, entity.id, entity.document
       from directory_state state left join entities entity on entity.version > $1`,
    [since],
  );
  const [first] = rows;
  if (first === undefined) throw new Error('the directory has no state row');
  const changed = rows.flatMap(({ kind, id, document }) => (kind === null ? [] : [{ kind, id, document }]));
  return { version: first.version, total: first.total, changed };
}

export async function loadEntityIds(
  session: pg.PoolClient,
): Promise<readonly { readonly kind: string; readonly id: string }[]> {
  const { rows } = await session.query<{ kind: string; id: string }>('select kind, id from entities');
  return rows;
}

/** The records that list people's credentials. A change of one person renews them for the whole institution. */
export async function loadCredentialRecords(session: pg.PoolClient): Promise<ReadonlyMap<string, RecordId>> {
  const { rows } = await session.query<{ id: string; recordId: RecordId }>(
    `select id, record_id as "recordId" from entities where kind = 'person' and record_id is not null`,
  );
  return new Map(rows.map(({ id, recordId }) => [id, recordId]));
}

/** All queries of the session then use one snapshot. Call it before the first query. */
export async function askOneSnapshot(session: pg.PoolClient): Promise<void> {
  await session.query('set transaction isolation level repeatable read, read only');
}

export async function lockDirectory(client: pg.PoolClient): Promise<number> {
  const { rows } = await client.query<{ version: number }>('select version from directory_state for update');
  return versionOf(rows);
}

const rowsAtOnce = 2_000;

async function writeEntities(client: pg.PoolClient, version: number, written: readonly Entry[]): Promise<void> {
  await client.query(
    `insert into entities (kind, id, institution, version, document)
     select kind, id, institution, $5, document from unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) as entity (kind, id, institution, document)
     on conflict (kind, id) do update
        set institution = excluded.institution, version = excluded.version, document = excluded.document, record_id = null,
            changed_at = now()`,
    [
      kindsOf(written),
      idsOf(written),
      written.map(({ owner }) => owner),
      written.map(({ document }) => JSON.stringify(document)),
      version,
    ],
  );
}

export async function writeChange(
  client: pg.PoolClient,
  change: {
    readonly version: number;
    readonly written: readonly Entry[];
    readonly removed: readonly Entry[];
    readonly recordOf: ReadonlyMap<string, RecordId>;
    readonly onWritten?: (done: number) => void;
  },
): Promise<void> {
  const { version, removed, recordOf } = change;
  for (let from = 0; from < change.written.length; from += rowsAtOnce) {
    const slice = change.written.slice(from, from + rowsAtOnce);
    await writeEntities(client, version, slice);
    change.onWritten?.(from + slice.length);
  }
  await client.query(
    `delete from entities using unnest($1::text[], $2::text[]) as gone (kind, id)
      where entities.kind = gone.kind and entities.id = gone.id`,
    [kindsOf(removed), idsOf(removed)],
  );
  await client.query(
    `update entities set record_id = listed.record_id
       from unnest($1::text[], $2::text[]) as listed (id, record_id)
      where entities.kind = 'person' and entities.id = listed.id`,
    [[...recordOf.keys()], [...recordOf.values()]],
  );
  await client.query('update directory_state set version = $1', [version]);
  notifyAfterCommit(client, changeChannel);
}

/** When each client first held each key, by client and thumbprint. */
export interface StoredKeyTime {
  readonly client: string;
  readonly thumbprint: string;
  readonly registeredAt: Date;
}

export async function loadKeyTimes(session: Session): Promise<readonly StoredKeyTime[]> {
  try {
    const { rows } = await session.query<StoredKeyTime>(
      'select client_id as client, thumbprint, registered_at as "registeredAt" from client_keys',
    );
    return rows;
  } catch (error) {
    throw databaseFailure(error);
  }
}

/** Stores new keys. A key that another node has stored in the meantime keeps its time. */
export async function writeKeyTimes(
  session: Session,
  keys: readonly { readonly client: string; readonly thumbprint: string }[],
  nowMs: number,
): Promise<readonly StoredKeyTime[]> {
  try {
    const { rows } = await session.query<StoredKeyTime>(
      `insert into client_keys (client_id, thumbprint, registered_at)
       select client_id, thumbprint, to_timestamp($3::float8 / 1000) from unnest($1::text[], $2::text[]) as key (client_id, thumbprint)
       on conflict (client_id, thumbprint) do update set registered_at = client_keys.registered_at
       returning client_id as client, thumbprint, registered_at as "registeredAt"`,
      [keys.map(({ client }) => client), keys.map(({ thumbprint }) => thumbprint), nowMs],
    );
    return rows;
  } catch (error) {
    throw databaseFailure(error);
  }
}

function kindsOf(entries: readonly Entry[]): readonly EntityKind[] {
  return entries.map(({ entity }) => entity.kind);
}

function idsOf(entries: readonly Entry[]): readonly string[] {
  return entries.map(({ id }) => id);
}

function versionOf(rows: readonly { readonly version: number }[]): number {
  const [row] = rows;
  if (row === undefined) throw new Error('the directory has no state row');
  return row.version;
}
