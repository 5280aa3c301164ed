import type { Socket } from 'node:net';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createScriptedDatabase,
  ready,
  type ScriptedDatabase,
  serverMessage,
  spoken,
} from '../testing/scripted-database.ts';
import { type BulkReader, connectionBeside, connectionVariables, createBulkReader } from './bulk-reader.ts';
import { CopyBuffer } from './copy-out.ts';

const head = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
const trailer = Buffer.from([0xff, 0xff]);
const copyOut = serverMessage('H', Buffer.from([1, 0, 2, 0, 1, 0, 1]));
const copied = Buffer.concat([serverMessage('c'), serverMessage('C', Buffer.from('COPY 1\0'))]);

function row(number: number, bytes: Uint8Array | undefined): Buffer {
  const fields = Buffer.alloc(18);
  fields.writeInt16BE(2, 0);
  fields.writeInt32BE(8, 2);
  fields.writeBigInt64BE(BigInt(number), 6);
  fields.writeInt32BE(bytes?.length ?? -1, 14);
  return Buffer.concat([fields, bytes ?? Buffer.alloc(0)]);
}
const body = Buffer.from('{}');
const pieces = (...data: readonly Uint8Array[]): Buffer =>
  Buffer.concat([copyOut, ...data.map((piece) => serverMessage('d', piece))]);
const copyOf = (...rows: readonly Buffer[]): Buffer => Buffer.concat([pieces(head, ...rows, trailer), copied, ready]);

const query = { types: ['decision.made'], after: 10n, before: 20n, limit: 3, stride: 3 } as const;

let database: ScriptedDatabase | undefined;
let reader: BulkReader | undefined;
afterEach(async () => {
  await reader?.end();
  await database?.close();
});

async function readerOf(answer: (statement: string, client: Socket) => void, timeoutMs = 10_000): Promise<BulkReader> {
  database = await createScriptedDatabase({ answer });
  reader = createBulkReader({
    host: database.host,
    port: database.port,
    user: 'log',
    password: 'secret',
    query_timeout: timeoutMs,
  });
  await reader.connect();
  return reader;
}
const answering = (bytes: Uint8Array) => readerOf((_, client) => void client.write(bytes));

describe('a bulk reader', () => {
  it('reads a copy split into any pieces, and another one after it', async () => {
    const whole = copyOf(row(11, body), row(13, body), row(14, Buffer.alloc(60_000, 'x')));
    const own = await readerOf((_, client) => {
      for (let at = 0; at < whole.length; at += 1_000) client.write(whole.subarray(at, at + 1_000));
    });
    for (let turn = 0; turn < 3; turn++) {
      const { records, next } = await own.records(query, new CopyBuffer());
      expect(records.map(({ place, bytes }) => [place, bytes.length])).toEqual([
        [11, 2],
        [13, 2],
        [14, 60_000],
      ]);
      expect(next).toBe(14n);
    }
  });

  it('ignores notices between the pieces', async () => {
    const notice = serverMessage('N', spoken('a notice'));
    const own = await answering(
      Buffer.concat([
        notice,
        pieces(head),
        notice,
        serverMessage('d', row(11, body)),
        notice,
        serverMessage('d', trailer),
        copied,
        notice,
        ready,
      ]),
    );
    expect((await own.records(query, new CopyBuffer())).records).toHaveLength(1);
  });

  it.each([
    [
      'an error instead of a copy',
      Buffer.concat([serverMessage('E', spoken('no such table')), ready]),
      'no such table',
    ],
    [
      'an error in the middle',
      Buffer.concat([pieces(head, row(11, body)), serverMessage('E', spoken('disk is gone')), ready]),
      'disk is gone',
    ],
    [
      'more of a copy behind an error',
      Buffer.concat([serverMessage('E', spoken('broken')), pieces(head, trailer), copied, ready]),
      'broken',
    ],
    [
      'rows instead of a copy',
      Buffer.concat([
        serverMessage('T', Buffer.alloc(2)),
        serverMessage('D', Buffer.alloc(2)),
        serverMessage('C', Buffer.from('SELECT 1\0')),
        ready,
      ]),
      'cannot be read',
    ],
    [
      'a question for data',
      Buffer.concat([serverMessage('G', Buffer.from([0, 0, 0])), serverMessage('E', spoken('refused')), ready]),
      'refused',
    ],
    ['a copy of nothing', Buffer.concat([copyOut, copied, ready]), 'cannot be read'],
    ['a copy without its end', Buffer.concat([pieces(head, row(11, body)), copied, ready]), 'cannot be read'],
    ['a message of no kind', serverMessage('!', Buffer.alloc(4)), 'invalid response'],
    [
      'more bytes than were asked for',
      copyOf(...Array.from({ length: 6 }, (_, n) => row(11 + n, Buffer.alloc(65_000)))),
      'more than was requested',
    ],
    [
      'more records than were asked for',
      copyOf(row(11, body), row(12, body), row(13, body), row(14, body)),
      'not requested',
    ],
    ['a repeated position', copyOf(row(11, body), row(11, body)), 'not requested'],
    ['a position before the range', copyOf(row(10, body)), 'not requested'],
    ['a position after the range', copyOf(row(20, body)), 'not requested'],
    ['a continuation before the last position', copyOf(row(10, undefined)), 'not requested'],
    ['one before what was found', copyOf(row(12, body), row(11, undefined)), 'not requested'],
  ])('refuses %s', async (_, bytes, message) => {
    const own = await answering(bytes);
    await expect(own.records(query, new CopyBuffer())).rejects.toThrow(message);
  });

  it.each([
    ['falls silent', (client: Socket) => void client.write(pieces(head, row(11, body))), 'timeout'],
    ['says nothing at all', () => undefined, 'timeout'],
    ['hangs up in the middle', (client: Socket) => void client.end(pieces(head, row(11, body))), 'terminated'],
  ])(
    'waits only until its timeout for a server that %s, and its next question fails as well',
    async (_, behave, message) => {
      const own = await readerOf((_statement, client) => behave(client), 300);
      await expect(own.records(query, new CopyBuffer())).rejects.toThrow(message);
      await expect(own.records(query, new CopyBuffer())).rejects.toThrow();
    },
  );

  it('closes during a question, twice, and when the server does not confirm the goodbye', async () => {
    const own = await readerOf(() => undefined);
    const asked = expect(own.records(query, new CopyBuffer())).rejects.toThrow();
    await Promise.all([own.end(), own.end()]);
    await asked;
    await own.end();
  });

  it('casts types in its text so that they stay text', async () => {
    let statement = '';
    const own = await readerOf((said, client) => {
      statement = said;
      client.write(copyOf());
    });
    await own.records({ ...query, types: [`a'); drop table entries; --`, `b\\'`] }, new CopyBuffer());
    expect(statement).toContain(`array['a''); drop table entries; --',  E'b\\\\''']`);
  });

  it.each([
    [`key_'`, 'rec_a', '/data'],
    ['key_a', 'rec_a,rec_b', '/data'],
    ['key_a', 'rec_a', '/data\n'],
    ['key_a', 'rec_a', ''],
    ['key_\0', 'rec_a', '/data'],
    ['key_é', 'rec_a', '/data'],
  ])('requests no value named %j, %j, %j', async (key, record, path) => {
    const own = await answering(copyOf());
    await expect(own.values([{ key, record, path }], new CopyBuffer())).rejects.toThrow('only letters, digits');
  });
});

describe('a connection beside a pool', () => {
  it('has what the pool hides: its password and the key of its certificate', async () => {
    const pool = new pg.Pool({ host: 'db', password: 'secret', ssl: { ca: 'A', cert: 'C', key: 'K' }, max: 3 });
    expect(connectionBeside(pool, 'reader', 'select 1')).toMatchObject({
      firstStatement: 'select 1',
      host: 'db',
      password: 'secret',
      ssl: { ca: 'A', cert: 'C', key: 'K' },
      application_name: 'countersign reader',
    });
    await pool.end();
  });

  it('is not created from a pool configured with functions', async () => {
    const pool = new pg.Pool({ password: async () => 'secret' });
    expect(() => connectionBeside(pool, 'reader', 'select 1')).toThrow(/cannot be passed to a thread/);
    await pool.end();
  });

  it('receives from the environment the location of the driver, and no secret', () => {
    expect(
      connectionVariables({
        PGSSLMODE: 'require',
        PGHOST: 'db',
        PGPASSWORD: 'x',
        PGPASSFILE: 'y',
        KEY: 'z',
        PATH: '/',
      }),
    ).toEqual({ PGSSLMODE: 'require', PGHOST: 'db' });
  });
});
