import pg from 'pg';
import { type NumberedBytes, readCopiedRows } from './copied-rows.ts';
import { type CopyBuffer, CopyOut } from './copy-out.ts';
import type { ValueName } from './protected-values.ts';

/** As plain data that can be sent to a thread. */
export interface BulkConnection extends pg.ClientConfig {
  /** Replaces the pool's `onConnect`: a function cannot be sent to a thread. */
  readonly firstStatement?: string;
}

export interface BulkQuery {
  readonly types: readonly string[];
  /** Both exclusive. */
  readonly after: bigint;
  readonly before: bigint;
  readonly limit: number;
  /** Places searched for records that are not pruned; at least `limit`. */
  readonly stride: number;
}

export interface BulkRecords {
  /** In log order. */
  readonly records: readonly { readonly place: number; readonly bytes: Buffer }[];
  /** Where to continue; undefined at the end. */
  readonly next: bigint | undefined;
}

/** Reads much of the log over a connection of its own. */
export interface BulkReader {
  connect(): Promise<void>;
  /** @throws Error if the database does not answer as expected */
  records(query: BulkQuery, into: CopyBuffer): Promise<BulkRecords>;
  /** By position in the list. @param names letters, digits, `_`, `-` and `/` only @throws as {@link records} */
  values(names: readonly ValueName[], into: CopyBuffer): Promise<readonly NumberedBytes[]>;
  /** Never fails, and does not wait for running queries. */
  end(): Promise<void>;
}

const longestBody = 65_535;
const longestCiphertext = 65_595;
const rowOverhead = 18;
const header = 64;
/** How long a closing connection is waited for. */
const goodbyeMs = 1_000;

/** The options of a pool for one more connection. @throws Error if the pool is configured with functions */
export function connectionBeside(pool: pg.Pool, purpose: string, firstStatement: string): BulkConnection {
  const { onConnect: _, ...options } = pool.options;
  const { password, ssl, application_name: name = 'countersign' } = pool.options;
  try {
    // The driver hides the password from the spread.
    return structuredClone({
      ...options,
      firstStatement,
      ...(password === undefined ? {} : { password }),
      // The driver hides the key of a client certificate too.
      ...(typeof ssl === 'object' && ssl.key !== undefined ? { ssl: { ...ssl, key: ssl.key } } : {}),
      application_name: `${name} ${purpose}`,
    });
  } catch {
    throw new Error('the database connection of the audit log has options that cannot be passed to a thread');
  }
}

/** Without the driver's variables a thread might connect without TLS. */
export function connectionVariables(environment: Readonly<NodeJS.ProcessEnv>): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => /^PG(?!PASS)/.test(name)));
}

export function createBulkReader({ firstStatement, ...connection }: BulkConnection): BulkReader {
  const client = new pg.Client(connection);
  // A broken connection is reported to its next user.
  client.on('error', () => undefined);

  /** COPY takes no parameters: the text contains only our own or escaped values. */
  function copy(statement: string, maxBytes: number, into: CopyBuffer): Promise<Buffer> {
    into.clear();
    return new Promise((resolve, reject) => {
      client.query(
        new CopyOut(
          statement,
          (piece) => {
            if (into.length + piece.length <= maxBytes) into.append(piece);
            else reject(new Error('the database copies more than was requested'));
          },
          (error) => (error === undefined ? resolve(into.bytes()) : reject(error)),
        ),
      );
    });
  }

  const literals = (texts: readonly string[]): string => texts.map((text) => client.escapeLiteral(text)).join(', ');

  return {
    async connect() {
      await client.connect();
      if (firstStatement !== undefined) await client.query(firstStatement);
    },

    async records({ types, after, before, limit, stride }, into) {
      // As `scan` in entries.ts, but reads entry rows with their places, because most are wanted.
      const statement = `
        with place as materialized (
          select of_type_place.index, of_type_place.class, of_type_place.entry
            from unnest(array[${literals([...new Set(types)])}]::text[]) as wanted (of_type)
           cross join lateral (
             select entries.index, entries.class, entries.entry from entries
              where (type, index) > (of_type collate "C", ${after}::bigint)
                and (type, index) < (of_type collate "C", ${before}::bigint)
              order by type, index limit ${stride}) as of_type_place
           order by of_type_place.index limit ${stride}),
        record as (
          select place.index, kept.body
            from place
           cross join lateral (
             select coalesce(place.entry,
                      (select body from bodies where bodies.class = place.class and bodies.index = place.index)) as body
              limit 1) as kept
           where kept.body is not null
           order by place.index limit ${limit})
        select index, body from record
        union all
        select max(index), null from place having count(*) = ${stride}`;
      const rows = readCopiedRows(
        await copy(statement, header + (limit + 1) * (longestBody + rowOverhead), into),
        longestBody,
      );
      const records: { readonly place: number; readonly bytes: Buffer }[] = [];
      let last: number | undefined;
      for (const { number: place, bytes } of rows)
        if (bytes === undefined) last = place;
        else records.push({ place, bytes });
      // SQL does not promise the order of a union.
      records.sort((one, other) => one.place - other.place);
      checkPlaces(
        records.map(({ place }) => place),
        last,
        { after, before, limit },
      );
      const full = records.length === limit ? records.at(-1)?.place : last;
      return { records, next: full === undefined ? undefined : BigInt(full) };
    },

    async values(names, into) {
      const list = (texts: readonly string[]): string => `string_to_array('${texts.join()}', ',')`;
      for (const { key, record, path } of names)
        if (!plain.test(key) || !plain.test(record) || !plain.test(path))
          throw new Error('the name of a value may have only letters, digits, `_`, `-` and `/`');
      const statement = `
        select wanted.n - 1, value.ciphertext
          from unnest(${list(names.map(({ key }) => key))}, ${list(names.map(({ record }) => record))}, ${list(names.map(({ path }) => path))})
                 with ordinality as wanted (key, record_id, path, n)
          join protected_values as value
            on value.key = wanted.key and value.record_id = wanted.record_id and value.path = wanted.path`;
      const most = header + names.length * (longestCiphertext + rowOverhead);
      return readCopiedRows(await copy(statement, most, into), longestCiphertext);
    },

    async end() {
      let timer: NodeJS.Timeout | undefined;
      const silence = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, goodbyeMs);
      });
      await Promise.race([client.end().catch(() => undefined), silence]);
      clearTimeout(timer);
    },
  };
}

/** Places must ascend within the requested range: a damaged index must not cause an endless loop. @throws Error */
function checkPlaces(
  places: readonly number[],
  last: number | undefined,
  { after, before, limit }: Pick<BulkQuery, 'after' | 'before' | 'limit'>,
): void {
  let previous = Number(after);
  let inOrder = places.length <= limit;
  for (const place of places) {
    inOrder &&= place > previous && place < before;
    previous = place;
  }
  // It may equal the place of the last record.
  if (last !== undefined) inOrder &&= last > after && last >= previous && last < before;
  if (!inOrder)
    throw new Error('the database returned places of the log that were not requested, or one of them twice');
}

const plain = /^[A-Za-z0-9_/-]+$/;
