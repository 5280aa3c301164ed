import type { EntityInput } from '@countersign/cedar';
import type { AuditLog, StandingThing } from '@countersign/contracts';
import { canonicalize, digestOf, type Json, type RecordId, sha256Base64Url } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import {
  deleteEntity,
  type EntityName,
  type EntityRow,
  entityRows,
  lockEntities,
  nextEntityVersion,
  writeEntity,
} from './entity-store.ts';

const standingsPage = 1_000;

const prefixOf = (namespace: string): string => `application-entity:${namespace}:`;
/** By digest: a name in the log is plain, and says of nobody who they are. */
export const thingOf = ({ namespace, type, id }: EntityName): string => `${prefixOf(namespace)}${digestOf([type, id])}`;

type Log = Pick<AuditLog, 'find' | 'standings' | 'standingsUnder'>;

/** What stands of a model by the records, by things; in the transaction that holds the version nobody changes it meanwhile. */
export async function recordedEntities(
  log: Pick<Log, 'standingsUnder'>,
  namespace: string,
): Promise<ReadonlyMap<string, StandingThing>> {
  const found = new Map<string, StandingThing>();
  let after: string | undefined;
  do {
    const page = await log.standingsUnder(prefixOf(namespace), { after, limit: standingsPage });
    for (const thing of page.things) found.set(thing.of, thing);
    after = page.next;
  } while (after !== undefined);
  return found;
}

/**
 * Writes what was recorded of a model and then not written, because a process died in between. A row that is missing, or that is what it
 * was before its newest record, is written from that record, and one that was removed is taken away; every other row was written by
 * somebody else, and stays as it is.
 *
 * These few lines are not a kind of `@countersign/commands`: one counter is the lock of all entities of a model, they are compared as a
 * whole, and a record keeps an entity as a protected value, which can be erased, and not as the state in its data.
 *
 * @returns the version of the model from then on: a later one where this node, or another at the same moment, has written something
 */
export async function completeEntities(
  namespace: string,
  { pool, log }: { readonly pool: pg.Pool; readonly log: Log },
): Promise<number> {
  return transaction(pool, async (session) => {
    const version = await lockEntities(session, namespace);
    const rows = new Map((await entityRows(session, namespace)).map((row) => [thingOf({ namespace, ...row }), row]));
    const recorded = await recordedEntities(log, namespace);
    const written: number[] = [];
    for (const { of, digest, record } of recorded.values()) {
      const row = rows.get(of);
      if (row !== undefined && digestOfRow(row) === digest) continue;
      const change = await changeBy(log, record);
      if (change?.entity === undefined || (row !== undefined && row.record !== change.previous)) continue;
      const { entity } = change;
      const name = { namespace, type: entity.uid.type, id: entity.uid.id };
      const document = canonicalize(entity as unknown as Json);
      if (thingOf(name) !== of || sha256Base64Url(document) !== digest) continue;
      await writeEntity(session, name, { document, recordId: record });
      written.push(change.version);
    }
    for (const [thing, row] of rows) {
      const newest = recorded.has(thing) ? undefined : (await log.standings([thing])).get(thing);
      if (newest === undefined || newest.digest !== undefined) continue;
      const change = await changeBy(log, newest.record);
      if (change === undefined || change.previous !== row.record) continue;
      await deleteEntity(session, { namespace, ...row });
      written.push(change.version);
    }
    return written.length === 0 ? version : nextEntityVersion(session, namespace, Math.max(...written));
  });
}

/** What a record of ours says of a change. */
interface EntityChange {
  readonly version: number;
  /** The record of the row that was changed. */
  readonly previous?: RecordId;
  /** As it was written; absent where it was removed, or where that is erased. */
  readonly entity?: EntityInput;
}

async function changeBy(log: Pick<Log, 'find'>, record: RecordId): Promise<EntityChange | undefined> {
  const found = (await log.find(record))?.record;
  if (found?.type !== 'application.entity_written' && found?.type !== 'application.entity_removed') return undefined;
  const { entity, ...change } = found.data as unknown as EntityChange;
  return found.type === 'application.entity_written' && entity !== undefined ? { ...change, entity } : change;
}

/** As records count it: of canonical JSON it is the digest of the text. */
function digestOfRow({ digest }: EntityRow): string {
  return Buffer.from(digest, 'hex').toString('base64url');
}
