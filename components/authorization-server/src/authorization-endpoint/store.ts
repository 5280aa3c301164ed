import { type ClientId, parseClientId } from '@countersign/contracts';
import { type Json, parseId, type RecordId } from '@countersign/kernel';
import { ask, type RowSeal, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { type Queryable, removeExpiredRows, rowContent } from '../row-store.ts';

export interface Interaction {
  readonly client: ClientId;
  readonly parameters: ReadonlyMap<string, Json>;
  readonly pushed?: { readonly hash: Buffer; readonly recordId: RecordId };
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly expiresAt: number;
  readonly ended?: Ending;
}

/** Repeated requests get the same response. */
export type Ending =
  | { readonly outcome: 'allowed' }
  | { readonly outcome: 'refused'; readonly error: string; readonly description: string };

interface InteractionRow {
  readonly client: string;
  readonly parameters: { readonly [name: string]: Json };
  readonly request_hash: Buffer | null;
  readonly request_record: string | null;
  readonly started_ms: number;
  readonly expires_ms: number;
  readonly outcome: 'allowed' | 'refused' | null;
  readonly error: string | null;
  readonly description: string | null;
  readonly seal: Buffer | null;
}

/** SHA-256 of each. */
export interface InteractionKey {
  readonly id: Buffer;
  readonly browser: Buffer;
}

export interface Unit {
  /** With the open transaction. */
  readonly connection: Queryable;
  end(ending: Ending): Promise<void>;
}

const columns = `client, parameters, request_hash, request_record, outcome, error, description, seal,
  extract(epoch from started_at)::float8 * 1000 as started_ms, extract(epoch from expires_at)::float8 * 1000 as expires_ms`;

/** Rows without a valid seal are ignored. */
export function createInteractionStore(pool: pg.Pool, rowSeal: RowSeal) {
  const sealed = ({ id, browser }: InteractionKey, { parameters, pushed, ...interaction }: Interaction) =>
    [
      `interaction/${id.toString('base64url')}`,
      rowContent({
        ...interaction,
        browser: browser.toString('base64url'),
        parameters: Object.fromEntries(parameters),
        ...(pushed === undefined ? {} : { pushed: [pushed.hash.toString('base64url'), pushed.recordId] }),
      }),
    ] as const;

  async function find(
    key: InteractionKey,
    connection: Queryable,
    lock: '' | 'for update',
  ): Promise<Interaction | undefined> {
    const { rows } = await ask<InteractionRow>(connection, {
      name: lock === '' ? 'interaction-find' : 'interaction-lock',
      text: `select ${columns} from interactions where id_hash = $1 and browser_hash = $2 ${lock}`,
      values: [key.id, key.browser],
    });
    const [row] = rows;
    if (row === undefined) return undefined;
    const interaction = interactionOf(row);
    return rowSeal.holds(...sealed(key, interaction), row.seal) ? interaction : undefined;
  }

  return {
    /** Creates or finds it; undefined if its row has no valid seal. */
    async begin(key: InteractionKey, interaction: Interaction): Promise<Interaction | undefined> {
      await ask(pool, {
        name: 'interaction-begin',
        text: `insert into interactions (id_hash, browser_hash, client, parameters, request_hash, request_record, started_at, expires_at, seal)
                 values ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000.0), to_timestamp($8::float8 / 1000.0), $9)
                 on conflict (id_hash) do nothing`,
        values: [
          ...[key.id, key.browser, interaction.client, JSON.stringify(Object.fromEntries(interaction.parameters))],
          ...[interaction.pushed?.hash ?? null, interaction.pushed?.recordId ?? null],
          ...[interaction.startedAt, interaction.expiresAt, rowSeal.seal(...sealed(key, interaction))],
        ],
      });
      return find(key, pool, '');
    },
    find: (key: InteractionKey): Promise<Interaction | undefined> => find(key, pool, ''),
    /** Commits the changes of `work` if it resolves. `work` must not decide an interaction that has ended. */
    underLock<Result>(
      key: InteractionKey,
      work: (interaction: Interaction | undefined, unit: Unit) => Promise<Result>,
    ): Promise<Result> {
      return transaction(pool, async (connection) => {
        const interaction = await find(key, connection, 'for update');
        return work(interaction, {
          connection,
          async end(ending) {
            if (interaction === undefined) throw new Error('the interaction to end does not exist');
            await connection.query({
              name: 'interaction-end',
              text: `update interactions set outcome = $3, error = $4, description = $5, seal = $6
                      where id_hash = $1 and browser_hash = $2`,
              values: [
                ...[key.id, key.browser, ending.outcome],
                ...(ending.outcome === 'refused' ? [ending.error, ending.description] : [null, null]),
                rowSeal.seal(...sealed(key, { ...interaction, ended: ending })),
              ],
            });
          },
        });
      });
    },
    removeExpired: (now: number, limit: number) =>
      removeExpiredRows(pool, { table: 'interactions', key: 'id_hash', column: 'expires_at' }, now, limit),
  };
}

function interactionOf(row: InteractionRow): Interaction {
  const client = parseClientId(row.client);
  const recordId = parseId('record', row.request_record);
  if (client === undefined || (row.request_hash === null) !== (recordId === undefined))
    throw new Error('an interaction row has an invalid client or record id');
  return {
    client,
    parameters: new Map(Object.entries(row.parameters)),
    ...(row.request_hash === null || recordId === undefined ? {} : { pushed: { hash: row.request_hash, recordId } }),
    startedAt: Math.round(row.started_ms),
    expiresAt: Math.round(row.expires_ms),
    ...(row.outcome === null ? {} : { ended: endingOf(row) }),
  };
}

function endingOf(row: InteractionRow): Ending {
  if (row.outcome === 'allowed') return { outcome: 'allowed' };
  return { outcome: 'refused', error: row.error ?? 'access_denied', description: row.description ?? '' };
}
