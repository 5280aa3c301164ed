import type { EntityInput } from '@countersign/cedar';
import type { AuditLog, StandingEntry } from '@countersign/contracts';
import { canonicalize, digestOf, type RecordId, sha256Base64Url } from '@countersign/kernel';
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
/** A digest, because names in the log are open and must not identify people. */
export const thingOf = ({ namespace, type, id }: EntityName): string => `${prefixOf(namespace)}${digestOf([type, id])}`;

type Log = Pick<AuditLog, 'find' | 'standings' | 'standingsUnder'>;

/** The current entities of a model according to the log. Stable within a transaction that locks the version. */
export async function recordedEntities(
  log: Pick<Log, 'standingsUnder'>,
  namespace: string,
): Promise<ReadonlyMap<string, StandingEntry>> {
  const found = new Map<string, StandingEntry>();
  let after: string | undefined;
  do {
    const page = await log.standingsUnder(prefixOf(namespace), { after, limit: standingsPage });
    for (const thing of page.things) found.set(thing.of, thing);
    after = page.next;
  } while (after !== undefined);
  return found;
}

/**
 * Completes changes that were recorded but not written, because a process died. Restores rows that are missing or have the state
 * before their newest record, and removes rows whose removal is recorded. Rows with any other content were tampered with and stay.
 * Without `@countersign/commands`: one counter locks all entities of a model, and records keep them as erasable protected values.
 * @returns the version of the model afterwards
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
      const document = canonicalize(entity);
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

interface EntityChange {
  readonly version: number;
  /** The record of the row before the change. */
  readonly previous?: RecordId;
  readonly entity?: EntityInput;
}

async function changeBy(log: Pick<Log, 'find'>, record: RecordId): Promise<EntityChange | undefined> {
  const found = (await log.find(record))?.record;
  if (found?.type !== 'application.entity_written' && found?.type !== 'application.entity_removed') return undefined;
  // A record that this component wrote.
  const { entity, ...change } = found.data as unknown as EntityChange;
  return found.type === 'application.entity_written' && entity !== undefined ? { ...change, entity } : change;
}

function digestOfRow({ digest }: EntityRow): string {
  return Buffer.from(digest, 'hex').toString('base64url');
}
