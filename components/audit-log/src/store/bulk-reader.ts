import pg from 'pg';
import { type NumberedBytes, readCopiedRows } from './copied-rows.ts';
import { type CopyBuffer, CopyOut } from './copy-out.ts';
import type { ValueName } from './protected-values.ts';

/** A connection of its own, as plain data that can be handed to a thread. */
export interface BulkConnection extends pg.ClientConfig {
  /** Run before any other, instead of the function that a pool has for that: no thread can be given a function. */
  readonly firstStatement?: string;
}

export interface BulkQuery {
  readonly types: readonly string[];
  /** Places between two, both exclusive. */
  readonly after: bigint;
  readonly before: bigint;
  /** Records at most. */
  readonly limit: number;
  /** Places that are looked through at most for records whose bodies are still there; not less than `limit`. */
  readonly stride: number;
}

export interface BulkRecords {
  /** Place and bytes of each record, in the order of the log. */
  readonly records: readonly { readonly place: number; readonly bytes: Buffer }[];
  /** Behind which to look on; undefined when there is no more. */
  readonly next: bigint | undefined;
}

/** Reads much of the log over a connection that nobody else uses. */
export interface BulkReader {
  /** @throws Error when the database cannot be reached */
  connect(): Promise<void>;
  /** @throws Error when the database does not answer, or not as it should */
  records(query: BulkQuery, into: CopyBuffer): Promise<BulkRecords>;
  /**
   * What is kept of these, by their numbers in the list; nothing of what is not there.
   *
   * @param names made of letters, digits, `_`, `-` and `/` alone
   * @throws as {@link records}; for names of anything else
   */
  values(names: readonly ValueName[], into: CopyBuffer): Promise<readonly NumberedBytes[]>;
  /** Never fails, and does not wait for what is under way. */
  end(): Promise<void>;
}

const longestBody = 65_535;
const longestCiphertext = 65_595;
/** Of a row, beside its bytes. */
const rowOverhead = 18;
const header = 64;
/** A goodbye that is not heard is not waited for. */
const goodbyeMs = 1_000;

/**
 * Where the connections of a pool lead, with its account and its limits, for one connection beside it.
 *
 * @param firstStatement takes the place of the pool's `onConnect`
 *
 * @throws Error for a pool that is configured with functions, which no thread can be given
 */
export function connectionBeside(pool: pg.Pool, purpose: string, firstStatement: string): BulkConnection {
  const { onConnect: _, ...options } = pool.options;
  const { password, ssl, application_name: name = 'countersign' } = pool.options;
  try {
    // The password is not among the members that are spread: the driver hides it.
    return structuredClone({
      ...options,
      firstStatement,
      ...(password === undefined ? {} : { password }),
      // Nor is the key of a client's certificate.
      ...(typeof ssl === 'object' && ssl.key !== undefined ? { ssl: { ...ssl, key: ssl.key } } : {}),
      application_name: `${name} ${purpose}`,
    });
  } catch {
    throw new Error('the connection of the audit log is configured with more than data: no thread can be given it');
  }
}

/**
 * Variables by which the driver is told where to connect, and whether by TLS: a thread without them would connect in the open
 * where the process does not. Passwords are not among them: each account has its own, in its configuration.
 */
export function connectionVariables(environment: Readonly<NodeJS.ProcessEnv>): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => /^PG(?!PASS)/.test(name)));
}

export function createBulkReader({ firstStatement, ...connection }: BulkConnection): BulkReader {
  const client = new pg.Client(connection);
  // A connection that breaks while nobody uses it is told to who uses it next.
  client.on('error', () => undefined);

  /** All that a statement copies out. COPY takes no parameters: what goes into the text was made by us, or is escaped. */
  function copy(statement: string, mostBytes: number, into: CopyBuffer): Promise<Buffer> {
    into.clear();
    return new Promise((resolve, reject) => {
      client.query(
        new CopyOut(
          statement,
          (piece) => {
            if (into.length + piece.length <= mostBytes) into.append(piece);
            else reject(new Error('the database copies more than it was asked for'));
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
      // As `scan` in entries.ts, where the reasons stand. The rows of entries are read with their places: most of them are
      // wanted, and it spares a second look at each.
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
      // They come in order, which SQL does not promise of the parts of a union.
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
          throw new Error('the name of a value has more than letters and digits');
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

/**
 * Each place behind the one before it, and all of them within what was asked for: a damaged index must not lead a reader
 * round and round. The last may be that of the last record.
 *
 * @throws Error
 */
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
  // The place up to which was looked is behind those that were found, or that of the last of them.
  if (last !== undefined) inOrder &&= last > after && last >= previous && last < before;
  if (!inOrder) throw new Error('the database gave places of the log that it was not asked for, or one of them twice');
}

const plain = /^[A-Za-z0-9_/-]+$/;
