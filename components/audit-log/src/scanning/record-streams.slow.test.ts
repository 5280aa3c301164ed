import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { RecordDraft, RecordStreamQuery } from '@countersign/contracts';
import { canonicalize, sha256 } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { codeOf, createFaultyProxy } from '@countersign/testkit';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Protection, RunningAuditLog } from '../index.ts';
import { createRig, draft, drafts, firstPlace, type Rig, sealingOf } from '../testing/rig.ts';
import { createScriptedDatabase, serverMessage } from '../testing/scripted-database.ts';
import { createStreamReader, type StreamedRecord } from '../testing/stream-reader.ts';
import { createRecordStreams } from './record-streams.ts';

const bank = '5299000J2N45DDNE4Y28';
const nine = Date.parse('2026-11-21T09:30:00Z');
const types = ['decision.made', 'token.issued'] as const;
const values = ['/data/decision/reasons', '/data/decision/input'] as const;

let rig: Rig;
let log: RunningAuditLog;
beforeEach(async () => {
  rig = await createRig();
  log = await rig.open();
});
afterEach(() => rig.close());

/** A decision whose input and reasons are restricted. */
function decision(number: number, members: Partial<RecordDraft> = {}): RecordDraft {
  const kept = (name: string, value: string | number) =>
    ({ kind: 'strategy', subject: bank, path: `/data/decision/${name}`, value: { [name]: value } }) as const;
  return draft({
    type: 'decision.made',
    outcome: 'permit',
    subject: { id: `person:${number % 7}`, institution: bank },
    address: '203.0.113.7',
    data: { decision: { number } },
    protectedValues: [kept('input', `Zürich 株式 ${number}`), ...(number % 2 === 0 ? [] : [kept('reasons', number)])],
    ...members,
  });
}
const inputOf = (number: number): string => canonicalize({ input: `Zürich 株式 ${number}` });
const reasonsOf = (number: number): string => (number % 2 === 0 ? '' : canonicalize({ reasons: number }));
const valuesOf = (number: number) => [reasonsOf(number), inputOf(number)];

async function append(written: readonly RecordDraft[]): Promise<void> {
  await Promise.all(written.map((one) => log.append(one)));
}

async function read(query: Partial<RecordStreamQuery> = {}, from: RunningAuditLog = log) {
  const whole = { types, values, ...query };
  return createStreamReader(await from.stream(whole), whole.values.length);
}
const everything = async (query: Partial<RecordStreamQuery> = {}, from: RunningAuditLog = log) =>
  (await read(query, from)).rest();
const idsIn = (records: readonly StreamedRecord[]) =>
  records.map(({ text }) => (JSON.parse(text) as { readonly id: string }).id);

/** The connections of streams, as the server sees them. */
async function connections(): Promise<readonly { readonly state: string; readonly query: string }[]> {
  const { rows } = await rig.tamper(
    `select state, query from pg_stat_activity where datname = current_database() and application_name like '% record stream'`,
  );
  return rows as { readonly state: string; readonly query: string }[];
}
const messagePorts = (): number => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(10);
}

describe('a stream', () => {
  it('returns the requested types in log order, with the requested values, over several pages', async () => {
    const written = Array.from({ length: 1_300 }, (_, number) =>
      decision(number, { type: number % 3 === 0 ? 'token.issued' : 'decision.made' }),
    );
    await append([...written, ...drafts(50)]);
    const found = await everything();
    const scanned = [];
    for (let after: bigint | undefined = -1n; after !== undefined; ) {
      const page: Awaited<ReturnType<typeof log.scan>> = await log.scan({ types, after, limit: 1_000 });
      scanned.push(...page);
      after = page.at(-1)?.index;
    }
    expect(scanned).toHaveLength(1_300);
    expect(found.map(({ text }) => text)).toEqual(scanned.map(({ text }) => text));
    const numbers = new Map(written.map(({ id }, number) => [id as string, number]));
    for (const [place, id] of idsIn(found).entries())
      expect(found[place]?.values).toEqual(valuesOf(numbers.get(id) ?? -1));
  });

  it('agrees with searching and opening records one by one', async () => {
    await append(
      Array.from({ length: 40 }, (_, number) => decision(number, number % 5 === 0 ? { address: '::1' } : {})),
    );
    await append(drafts(10, { type: 'decision.made', data: { text: ',"protected":{"/address":{}}}}', nothing: {} } }));
    const paths = ['/data/decision/input', '/address', '/data/decision/reasons', '/data/missing'];
    const found = await everything({ values: paths });
    const searched = await log.search({ types: [...types] });
    const opened = await log.protectedValues(searched.map(({ record }) => record));
    expect(idsIn(found)).toEqual(searched.map(({ record }) => record.id));
    expect(found.map((record) => record.values)).toEqual(
      opened.map((all) =>
        paths.map((path) => {
          const value = all.find((one) => one.path === path);
          return value?.state === 'open' ? value.text : '';
        }),
      ),
    );
  });

  it.each([
    ['from a time', { from: nine + 3_000 }, [3, 4, 5]],
    ['until a time, without it', { until: nine + 4_000 }, [1, 2, 3]],
    ['within a time', { from: nine + 1_001, until: nine + 4_000 }, [2, 3]],
    ['within no time', { from: nine + 9_000 }, []],
    ['of no type', { types: [] }, []],
  ] as const)('respects its filter: %s', async (_, range, numbers) => {
    for (const number of [1, 2, 3, 4, 5]) {
      rig.clock.advance(1_000);
      await log.append(decision(number));
    }
    const found = await everything(range);
    expect(found.map((record) => record.values)).toEqual(numbers.map(valuesOf));
  });

  it('reads the records present at its start, and no value that was not requested', async () => {
    await append([decision(1)]);
    const stream = await read({ values: [] });
    await append([decision(2)]);
    const found = await stream.rest();
    expect(found).toHaveLength(1);
    expect(found[0]?.values).toEqual([]);
    expect(found[0]?.text).not.toContain('株式');
  });

  it('skips pruned records, in the log and between two records of a page', async () => {
    await append(Array.from({ length: 900 }, (_, number) => decision(number)));
    const all = await log.scan({ types, limit: 1_000 });
    await rig.tamper(`delete from bodies where index between $1 and $2 or index = $3`, [
      firstPlace + 10,
      firstPlace + 850,
      firstPlace + 3,
    ]);
    const kept = all.filter((_, place) => place !== 3 && (place < 10 || place > 850));
    expect((await everything()).map(({ text }) => text)).toEqual(kept.map(({ text }) => text));
  });

  it('reads a log without protection, where everything is in the record', async () => {
    const open = await rig.open({ protection: (await import('../protection/no-protection.ts')).withoutProtection });
    await open.append(decision(1));
    const [record] = await everything({}, open);
    expect(record?.values).toEqual(['', '']);
    expect(record?.text).toContain('Zürich 株式 1');
  });

  it('reads records of the maximum size', async () => {
    const large = (number: number) =>
      decision(number, {
        data: { decision: {}, text: 'x'.repeat(64_000) },
        protectedValues: [{ kind: 'strategy', subject: bank, path: values[1], value: '株'.repeat(20_000) }],
      });
    await append(Array.from({ length: 120 }, (_, number) => large(number)));
    const found = await everything();
    expect(found).toHaveLength(120);
    expect(new Set(found.map((record) => record.values[1]))).toEqual(new Set([`"${'株'.repeat(20_000)}"`]));
  });
});

describe('a value that cannot be read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'record-streams-'));
  const file = join(folder, 'log');
  const loud = createLogger({ level: 'error', name: 'test', to: file });
  const said = (): string => readFileSync(file, 'utf8');
  beforeEach(() => truncateSync(file));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is empty if it was erased, without an error', async () => {
    await append([decision(1), decision(3)]);
    await rig.tamper(`delete from protected_values where key in (select id from subject_keys where subject = $1)`, [
      bank,
    ]);
    await rig.tamper('update subject_keys set sealed_key = null, erased_at = now() where subject = $1', [bank]);
    const reader = await rig.open({ logger: loud, protection: rig.protection({ logger: loud }) });
    for (const node of [log, reader]) {
      const found = await everything({ values: ['/address', ...values] }, node);
      expect(found.map((record) => record.values)).toEqual([
        ['"203.0.113.7"', '', ''],
        ['"203.0.113.7"', '', ''],
      ]);
    }
    expect(said()).toBe('');
  });

  it.each([
    ['a byte of what is kept', `ciphertext = set_byte(ciphertext, 30, get_byte(ciphertext, 30) # 1)`],
    ['its nonce', `ciphertext = set_byte(ciphertext, 0, get_byte(ciphertext, 0) # 1)`],
    ['its length', `ciphertext = substring(ciphertext from 1 for 61)`],
  ])('is empty if it was altered in %s, and the process logs it', async (_, change) => {
    await append([decision(1), decision(3)]);
    const [first] = await log.search({ types: [...types] });
    await rig.tamper(`update protected_values set ${change} where record_id = $1 and path = '/data/decision/input'`, [
      first?.record.id,
    ]);
    const reader = await rig.open({ protection: rig.protection({ logger: loud }) });
    const found = await everything({}, reader);
    expect(found.map((record) => record.values)).toEqual([[reasonsOf(1), ''], valuesOf(3)]);
    expect(said().split('\n')).toHaveLength(2);
    expect(said()).toContain(first?.record.id);
    expect(said()).not.toMatch(/株式|203\.0/);
  });

  it('is empty if it was replaced by another record’s value, or deleted', async () => {
    await append([decision(1), decision(3)]);
    const [one, two] = (await log.search({ types: [...types] })).map(({ record }) => record.id);
    await rig.tamper(
      `update protected_values set ciphertext = other.ciphertext from protected_values as other
        where protected_values.record_id = $1 and other.record_id = $2
          and protected_values.path = '/data/decision/input' and other.path = protected_values.path`,
      [one, two],
    );
    await rig.tamper(`delete from protected_values where record_id = $1 and path = '/data/decision/reasons'`, [two]);
    const found = await everything();
    expect(found.map((record) => record.values)).toEqual([
      [reasonsOf(1), ''],
      ['', inputOf(3)],
    ]);
  });

  it('is empty if its key is of another region', async () => {
    await append([decision(1)]);
    const elsewhere = await rig.open({
      protection: rig.protection({
        regionOf: () => 'ch',
        sealing: (region) => (region === 'ch' ? sealingOf(region) : undefined),
      }),
    });
    expect((await everything({}, elsewhere)).map((record) => record.values)).toEqual([['', '']]);
  });

  it('ends the stream if no key opens: nothing unverifiable is returned', async () => {
    await append([decision(1)]);
    const wrong = await rig.open({ protection: rig.protection({ sealing: () => ({ bytes: sha256('another') }) }) });
    const stream = await read({}, wrong);
    await expect(stream.page()).rejects.toThrow();
    expect(await stream.said()).toBe('closed');
  });

  it('is opened even if its record is serialised unusually', async () => {
    await append([decision(1)]);
    // The same JSON value, and so the same record for a reader.
    await rig.tamper(
      `update bodies set body = convert_to(replace(convert_from(body, 'UTF8'), '"kind":"strategy","key"', '"kind":"strategy", "key"'), 'UTF8')
        where class = (select class from entries where type = 'decision.made' limit 1)`,
    );
    expect((await everything()).map((record) => record.values)).toEqual([valuesOf(1)]);
  });
});

describe('a changed row', () => {
  /** @param change SQL of the text of the body, `text` */
  const changeFirst = (change: string) =>
    rig.tamper(
      `update bodies set body = convert_to(${change}, 'UTF8') from (select index, convert_from(body, 'UTF8') as text from bodies where index = $1) as was where was.index = bodies.index`,
      [firstPlace],
    );

  it.each([
    ['names a key with a null character', `regexp_replace(text, '"key":"key_[^"]+"', '"key":"key_\\u0000"', 'g')`],
    ['names a list of keys', `regexp_replace(text, '"key":"(key_[^"]+)"', '"key":[["\\1"],"b"]', 'g')`],
    ['commits to nothing', `regexp_replace(text, '\\{"kind":[^}]+\\}', 'null', 'g')`],
    ['names a key with a quote', `replace(text, '"key":"key_', '"key":"key_'')')`],
    ['is no JSON', `left(text, -1)`],
    ['is nothing', `'x'`],
  ])('with %s does not prevent reading the others', async (_, change) => {
    await append([decision(1)]);
    await append([decision(3)]);
    await changeFirst(change);
    expect((await everything()).map((record) => record.values)).toEqual([['', ''], valuesOf(3)]);
  });

  it('with the same JSON value is opened all the same', async () => {
    await append([decision(1)]);
    await changeFirst(`text || ' '`);
    expect((await everything()).map((record) => record.values)).toEqual([valuesOf(1)]);
  });
});

describe('keys that are destroyed while a stream is read', () => {
  it('open nothing once their lifetime has passed', async () => {
    await append(Array.from({ length: 1_500 }, (_, number) => decision(number)));
    // Almost the whole cache lifetime of the keys has passed.
    rig.clock.advance(299_999.999);
    const stream = await read();
    expect((await stream.page())?.[1]?.values).toEqual(valuesOf(1));
    await rig.tamper('update subject_keys set sealed_key = null, erased_at = now() where subject = $1', [bank]);
    rig.clock.advance(1);
    // The second page was read ahead.
    await stream.page();
    const rest = await stream.rest();
    expect(rest.length).toBeGreaterThan(500);
    expect(rest.filter((record) => record.values.some((value) => value !== ''))).toEqual([]);
  });
});

describe('any log', () => {
  const paths = ['/address', '/data/decision/input', '/data/decision/reasons', '/data/x'] as const;
  const anyText = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.constantFrom('"}}}', ',"protected":{', '\\"', '\u2028', '株式', ',"id":"'),
  );
  const anyData = fc.dictionary(
    fc.oneof(fc.stringMatching(/^y[a-z]{0,3}$/), fc.constantFrom('protected', 'id', 'time')),
    fc.oneof(
      anyText,
      fc.integer(),
      fc.array(anyText, { maxLength: 3 }),
      fc.dictionary(anyText, anyText, { maxKeys: 2 }),
    ),
    { maxKeys: 4 },
  );
  const anyRecord = fc.record({
    type: fc.constantFrom(...types, 'access.refused' as const),
    subject: fc.constantFrom('person:anna', 'person:ben'),
    address: fc.option(fc.constantFrom('::1', '203.0.113.7'), { nil: undefined }),
    data: anyData,
    kept: fc.subarray(paths.filter((path) => path !== '/address')),
    value: fc.oneof(anyText, fc.integer(), fc.constant(null), anyData),
    whose: fc.constantFrom(bank, 'person:anna', 'another bank'),
  });

  it('is streamed with the same result as searching and opening, whatever was pruned, erased or altered', async () => {
    let since = -1n;
    await fc.assert(
      fc.asyncProperty(fc.array(anyRecord, { minLength: 60, maxLength: 90 }), fc.nat(), async (records, chance) => {
        await append(
          records.map(({ type, subject, address, data, kept, value, whose }) =>
            draft({
              type,
              subject: { id: subject, institution: bank },
              ...(address === undefined ? {} : { address }),
              data: { ...data, decision: { z: 1 } },
              protectedValues: kept.map((path) => ({ path, kind: 'strategy', subject: whose, value })),
            }),
          ),
        );
        const mine = `record_id in (select record_id from entries where index > ${since}) and abs(hashtext(record_id || path || '${chance}'))`;
        await rig.tamper(`update protected_values set ciphertext = set_byte(ciphertext, 20, 7) where ${mine} % 9 = 0`);
        await rig.tamper(`delete from protected_values where ${mine} % 9 = 1`);
        await rig.tamper(`delete from bodies where index > ${since} and abs(hashtext(index || '${chance}')) % 9 = 2`);
        await rig.tamper(`update subject_keys set sealed_key = null, erased_at = now() where subject = 'another bank'`);
        const searched = await log.search({ types: [...types], after: since, withheld: true });
        const opened = await log.protectedValues(searched.map(({ record }) => record));
        const found = (await everything({ values: paths })).slice(-searched.length);
        expect(found.map(({ text }) => JSON.parse(text) as unknown)).toEqual(searched.map(({ record }) => record));
        expect(found.map((record) => record.values)).toEqual(
          opened.map((all) =>
            paths.map((path) => {
              const value = all.find((one) => one.path === path);
              return value?.state === 'open' ? value.text : '';
            }),
          ),
        );
        since = (await log.newest([...types, 'access.refused'])) ?? since;
      }),
      { numRuns: 5, endOnFailure: true },
    );
  });
});

describe('a reader of a stream', () => {
  /** Pages of a hundred, then of five hundred. */
  const many = () => append(Array.from({ length: 2_000 }, (_, number) => decision(number)));

  it('that does not ask causes no reading beyond one page ahead', async () => {
    await many();
    const stream = await read();
    expect(await connections()).toEqual([]);
    const first = await stream.page();
    expect(first).toHaveLength(100);
    // The second page has been read when the connection is idle after the values of a page.
    await until(async () =>
      (await connections()).some(({ state, query }) => state === 'idle' && /unnest\(string/.test(query)),
    );
    await delay(100);
    await rig.tamper('delete from bodies');
    const rest = await stream.rest();
    expect(rest.length).toBeLessThanOrEqual(500);
  });

  it('that is gone leaves no thread and no connection behind', async () => {
    await many();
    const streams: ReturnType<typeof createStreamReader>[] = [];
    for (let count = 0; count < 4; count++) streams.push(await read());
    expect(await codeOf(log.stream({ types, values }))).toBe('overloaded');
    for (const stream of streams) await stream.page();
    expect(await connections()).toHaveLength(4);
    for (const stream of streams) {
      stream.ask();
      stream.close();
    }
    await until(async () => (await connections()).length === 0);
    // A thread ends shortly after its connection.
    await until(async () => {
      const stream = await log.stream({ types, values }).catch(() => undefined);
      await stream?.stop();
      return stream !== undefined;
    });
    expect(await everything()).toHaveLength(2_000);
  });

  it('that stops it within a page receives nothing more', async () => {
    await many();
    const stream = await log.stream({ types, values });
    const reader = createStreamReader(stream, values.length);
    await reader.page();
    reader.ask();
    await stream.stop();
    await reader.closed;
    await until(async () => (await connections()).length === 0);
  });

  it('may close the stream, or stop it twice, at any moment', async () => {
    await many();
    const before = messagePorts();
    for (let moment = 0; moment < 24; moment++) {
      const stream = await log.stream({ types, values });
      const reader = createStreamReader(stream, values.length);
      // From before the thread has started to the middle of its pages.
      if (moment % 3 > 0) reader.ask();
      if (moment % 3 > 1) await reader.said();
      if (moment > 11) await delay(moment * 5);
      if (moment % 2 === 0) await Promise.all([stream.stop(), stream.stop()]);
      else reader.close();
      await reader.closed;
      await stream.stop();
      await stream.stop();
    }
    await until(async () => (await connections()).length === 0);
    // Fewer than one per stream; other files of this process may have some of their own.
    expect(messagePorts() - before).toBeLessThan(5);
    expect(await everything()).toHaveLength(2_000);
  });

  it('receives the end for each further request, and then a closed stream', async () => {
    await append([decision(1)]);
    const stream = await read();
    expect(await stream.page()).toHaveLength(1);
    expect(await stream.page()).toBeUndefined();
    await stream.closed;
    await until(async () => (await connections()).length === 0);
  });

  it('requests a few values, each of which must be protected and requested once', async () => {
    for (const asked of [
      ['/type'],
      ['/data/x', '/data/x'],
      [`/data/x'`],
      Array.from({ length: 9 }, (_, n) => `/data/x${n}`),
    ])
      await expect(log.stream({ types, values: asked })).rejects.toThrow();
  });
});

describe('the thread of a stream', () => {
  const folder = mkdtempSync(join(tmpdir(), 'record-streams-'));
  const file = join(folder, 'log');
  const loud = createLogger({ level: 'trace', name: 'test', to: file });
  const said = (): string => readFileSync(file, 'utf8');
  beforeEach(() => truncateSync(file));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('that dies is logged, closes its port and frees its slot, four times and more', async () => {
    // The driver throws instead of failing: the server demands an unknown kind of authentication.
    const greeting = serverMessage('R', Buffer.from([0, 0, 0, 99]));
    const server = await createScriptedDatabase({ greeting, answer: () => undefined });
    const { host, port } = server;
    const pool = new pg.Pool({ host, port, user: 'log', password: 'a secret of the pool' });
    const streams = createRecordStreams({ pool, protection: rig.protection(), logger: loud });
    for (let count = 1; count <= 6; count++) {
      const stream = streams.open({ types, after: -1n, before: 9n }, values);
      const reader = createStreamReader(stream, values.length);
      reader.ask();
      expect(await reader.said()).toBe('closed');
      await stream.stop();
      expect(said().split('\n')).toHaveLength(count + 1);
    }
    expect(said()).toContain('the thread of a stream of records has died');
    expect(said()).not.toContain('a secret of the pool');
    await streams.stop();
    await pool.end();
    await server.close();
  });

  it('leaves no secret in the process log, whatever happens', async () => {
    const own = rig.pool();
    const lent: Uint8Array[] = [];
    const protection = rig.protection({ pool: own, logger: loud });
    const watched: Protection = {
      ...protection,
      async lend(ids) {
        const keys = await protection.lend(ids);
        lent.push(...[...keys.keys.values()].map((bytes) => Uint8Array.from(bytes)));
        return keys;
      },
    };
    const away = await rig.open({ pool: own, logger: loud, protection: watched });
    await append(Array.from({ length: 300 }, (_, number) => decision(number)));
    await rig.tamper('update protected_values set ciphertext = set_byte(ciphertext, 20, 7) where random() < 0.1');
    expect(await everything({}, away)).toHaveLength(300);
    const broken = await read({}, away);
    await broken.page();
    await rig.tamper(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like '% record stream'`,
    );
    await broken.rest().catch(() => undefined);
    await away.stop();
    expect(lent.length).toBeGreaterThan(0);
    expect(said()).toContain('a protected value is not what its record committed to');
    const secrets = lent.flatMap((bytes) => {
      const key = Buffer.from(bytes);
      return [...(['hex', 'base64', 'base64url', 'latin1'] as const).map((form) => key.toString(form)), key.join()];
    });
    for (const secret of [String(own.options.password), ...secrets]) expect(said()).not.toContain(secret);
  });

  it('does not keep the process alive, whether its stream is read or not', async () => {
    const program = `
      import pg from 'pg';
      import { createRecordStreams } from ${JSON.stringify(new URL('../../dist/scanning/record-streams.js', import.meta.url))};
      const streams = createRecordStreams({ pool: new pg.Pool({ host: '127.0.0.1', port: 1 }), protection: {}, logger: {} });
      streams.open({ types: ['decision.made'], after: 0n, before: 9n }, []);
      const { port } = streams.open({ types: ['decision.made'], after: 0n, before: 9n }, []);
      port.on('message', ({ say }) => { console.log(say); port.unref(); });
      port.postMessage({ say: 'next' });`;
    const run = promisify(execFile);
    const arguments_ = ['--input-type=module', '--eval', program];
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    // If our timeout had killed it, this would have failed.
    const { stdout } = await run(process.execPath, arguments_, { cwd, timeout: 100_000, killSignal: 'SIGKILL' });
    expect(stdout).toBe('failed\n');
  });

  it('connects by TLS if the environment configures it', async () => {
    await append([decision(1)]);
    vi.stubEnv('PGSSLMODE', 'require');
    try {
      await expect((await read()).page()).rejects.toThrow('SSL');
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('when the log or its database stops', () => {
  it('a stream that is being opened does not start', async () => {
    await append([decision(1)]);
    const other = await rig.open();
    const opening = codeOf(other.stream({ types, values, from: nine }));
    const stopping = other.stop();
    expect(await opening).toBe('log_unavailable');
    await stopping;
    expect(await connections()).toEqual([]);
  });

  it('streams end with the log, and no new one starts', async () => {
    await append([decision(1)]);
    const other = await rig.open();
    const stream = await read({}, other);
    await stream.page();
    await other.stop();
    await stream.closed;
    expect(await codeOf(other.stream({ types, values }))).toBe('log_unavailable');
    await until(async () => (await connections()).length === 0);
  });

  /** A log whose streams reach the database through a network that can fail. */
  async function behindProxy() {
    const own = rig.pool();
    const { options } = own;
    const proxy = await createFaultyProxy({ target: { host: options.host ?? '', port: options.port ?? 0 } });
    const { host, port } = proxy;
    const pool = new pg.Pool({ ...options, password: options.password, host, port });
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
    await append(Array.from({ length: 2_000 }, (_, number) => decision(number)));
    const away = await rig.open({ pool, protection: rig.protection({ pool: own }) });
    return { proxy, pool, away, password: String(options.password) };
  }

  it('a lost database is reported as a failure without the account name, and the thread ends', async () => {
    const { proxy, pool, away, password } = await behindProxy();
    const stream = await read({}, away);
    await stream.page();
    await proxy.refuse();
    let detail: string | undefined;
    // Pages read ahead come first.
    while (detail === undefined) {
      stream.ask();
      const said = await stream.said();
      if (said === 'closed' || said.say === 'end') throw new Error('it did not fail');
      if (said.say === 'failed') detail = said.detail;
    }
    expect(detail).not.toContain(password);
    expect(await stream.said()).toBe('closed');
    await proxy.restore();
    expect(await everything({}, away)).toHaveLength(2_000);
    await away.stop();
    await pool.end();
    await proxy.close();
  });

  it('a database missing at the first page is reported as well', async () => {
    const { proxy, pool, away } = await behindProxy();
    const stream = await read({}, away);
    await proxy.refuse();
    await expect(stream.page()).rejects.toThrow('ECONNREFUSED');
    await proxy.restore();
    await away.stop();
    await pool.end();
    await proxy.close();
  });

  it('a stream stops immediately while the database is silent', async () => {
    const { proxy, pool, away } = await behindProxy();
    const stream = await away.stream({ types, values });
    const reader = createStreamReader(stream, values.length);
    await reader.page();
    proxy.stall();
    reader.ask();
    reader.ask();
    await stream.stop();
    await reader.closed;
    await proxy.restore();
    await away.stop();
    await pool.end();
    await proxy.close();
  });
});
