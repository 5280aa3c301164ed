import pg from 'pg';

/** What a column holds, which decides how one byte of it is changed. */
export type ColumnKind = 'bytes' | 'text' | 'number' | 'level';

/** A superuser's connection that bypasses every trigger, for changes that are reverted. */
export async function openVandal(connection: pg.ClientConfig) {
  const client = new pg.Client(connection);
  await client.connect();
  await client.query("set session_replication_role = 'replica'; set search_path = audit_log");

  return {
    query: (sql: string, values: readonly unknown[] = []) => client.query(sql, [...values]),
    /** The locations of a table's rows. */
    async rows(table: string, where: string): Promise<readonly string[]> {
      const { rows } = await client.query<{ ctid: string }>(
        `select ctid::text from ${table} where ${where} order by ctid`,
      );
      return rows.map(({ ctid }) => ctid);
    },
    /**
     * Changes one byte, or one step of a number, in one column of one row. @param at a number from 0 to 1: the position in
     * the value @returns reverts it
     */
    async alter(
      table: string,
      column: string,
      kind: ColumnKind,
      row: string,
      at: number,
    ): Promise<() => Promise<void>> {
      const { rows } = await client.query<{ value: Buffer | string | number }>(
        `select ${column} as value from ${table} where ctid = $1::tid`,
        [row],
      );
      const before = rows[0]?.value;
      if (before === undefined) throw new Error(`there is no row ${row} in ${table}`);
      const { rows: after } = await client.query<{ ctid: string }>(
        `update ${table} set ${column} = $2 where ctid = $1::tid returning ctid::text`,
        [row, changed(before, kind, at)],
      );
      return async () => {
        await client.query(`update ${table} set ${column} = $2 where ctid = $1::tid`, [after[0]?.ctid, before]);
      };
    },
    close: () => client.end(),
  };
}

function changed(value: Buffer | string | number, kind: ColumnKind, at: number): Buffer | string {
  if (kind === 'level') return (Number(value) + 1).toString();
  // Far enough to match no other row.
  if (kind === 'number') return (BigInt(value.toString()) + 1_000n + BigInt(Math.floor(at * 1_000))).toString();
  if (Buffer.isBuffer(value)) {
    const copy = Buffer.from(value);
    const place = Math.floor(at * copy.length);
    copy[place] = (copy[place] ?? 0) ^ (1 << Math.floor(at * 8));
    return copy;
  }
  const letters = [...String(value)];
  const place = Math.floor(at * letters.length);
  letters[place] = letters[place] === 'A' ? 'B' : 'A';
  return letters.join('');
}
