import type { EvidenceRecord } from '@countersign/contracts';
import { isCodedError, systemClock } from '@countersign/kernel';
import { createFaultyProxy } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditLogDependencies, RunningAuditLog } from '../index.ts';
import { createEntrySeals } from '../seals/entry-seals.ts';
import { createRig, draft, drafts, entrySealKey, type Rig } from '../testing/rig.ts';
import { createStepProxy } from '../testing/step-proxy.ts';

const seals = createEntrySeals({ key: entrySealKey, origin: 'log.example/test' });

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

/** Heartbeats and checks so frequent that a test need not wait. */
const lively = { clock: systemClock, beatEveryMs: 60, watchEveryMs: 30 } as const;
/** Heartbeats so rare that a busy machine does not make it silent. */
const steady = { ...lively, beatEveryMs: 5_000 } as const;
const mute = { clock: systemClock } as const;

async function recordsOf(log: RunningAuditLog, type: EvidenceRecord['type']): Promise<readonly EvidenceRecord[]> {
  return (await log.search({ type })).map(({ record }) => record);
}

async function numbersOf(log: RunningAuditLog): Promise<readonly (number | undefined)[]> {
  return (await log.search({})).map(({ record }) => record.number);
}

async function alarmsOf(log: RunningAuditLog): Promise<readonly unknown[]> {
  return (await recordsOf(log, 'source.alarm')).map(({ data }) => data);
}

async function behindProxy(options: Partial<AuditLogDependencies>) {
  const proxy = await createFaultyProxy({ target: rig.scratch.connection });
  const database = { ...rig.scratch.database, connection: proxy.through(rig.scratch.connection) };
  const pool = rig.pool({ database, statementTimeoutMs: 5_000, connectTimeoutMs: 10_000 });
  return { proxy, log: await rig.open({ ...options, pool }) };
}

describe('the stream of a process', () => {
  it('numbers all its records from 1, each naming the stream and the clock', async () => {
    const log = await rig.open({ node: 'node-a' });
    await Promise.all(drafts(700).map((record) => log.append(record)));
    await log.append(draft());
    const all = (await log.search({})).map(({ record }) => record);
    expect(all.map(({ v }) => v)).toEqual(all.map(() => 2));
    expect(all.map(({ number }) => number)).toEqual(all.map((_, index) => index + 1));
    expect(new Set(all.map(({ stream }) => stream)).size).toBe(1);
    expect(all[0]).toMatchObject({ type: 'source.opened', data: { node: 'node-a', beat_every_ms: 0 } });
    const [measured] = await recordsOf(log, 'clock.measured');
    expect(new Set(all.slice(3).map(({ clock }) => clock))).toEqual(new Set([measured?.id]));
  });

  it('is separate for each process on the database, and is closed when its process stops', async () => {
    const logs = [await rig.open(), await rig.open()];
    await Promise.all(logs.flatMap((log) => drafts(50).map((record) => log.append(record))));
    const reader = await rig.open();
    await Promise.all(logs.map((log) => log.stop()));
    const closed = await recordsOf(reader, 'source.closed');
    expect(closed).toHaveLength(2);
    const all = (await reader.search({})).map(({ record }) => record);
    for (const { stream, number } of closed) {
      const numbers = all.filter((record) => record.stream === stream).map((record) => record.number);
      expect(numbers).toEqual(numbers.map((_, at) => at + 1));
      expect(numbers.at(-1)).toBe(number);
    }
    expect(await reader.verify()).toMatchObject({ ok: true });
  });

  it('sends heartbeats while nothing is recorded', async () => {
    const log = await rig.open(lively);
    await expect.poll(async () => (await recordsOf(log, 'source.beat')).length, { timeout: 60_000 }).toBeGreaterThan(2);
    const [first, second] = await recordsOf(log, 'source.beat');
    expect(Number(second?.number)).toBe(Number(first?.number) + 1);
  });

  it('has no number for refused, failed or repeated records: a kill at any moment leaves no gap', async () => {
    const { proxy, log } = await behindProxy({ ...mute, watchEveryMs: 0 });
    const written = draft();
    await log.append(written);
    await expect(log.append(draft({ data: 'x'.repeat(70_000) }))).rejects.toThrow('record_too_large');
    proxy.cut();
    await proxy.refuse();
    const lost = await Promise.all(
      drafts(30).map((record) => log.append(record).catch((error: unknown) => isCodedError(error, 'log_unavailable'))),
    );
    expect(lost).toEqual(Array(30).fill(true));
    await proxy.restore();
    await log.append(draft());
    // A repetition is answered with the first receipt, also together with a new record.
    await Promise.all([log.append(written), log.append(draft()), log.append(written), log.append(draft())]);
    expect(await numbersOf(log)).toEqual(Array.from({ length: 7 }, (_, at) => at + 1));
    const watcher = await rig.open(mute);
    await watcher.watchStreams();
    expect(await alarmsOf(watcher)).toEqual([]);
    expect(await log.verify()).toMatchObject({ ok: true });
    await proxy.close();
  });

  it('assigns no number twice if the answer to a statement is lost and the log has its records', async () => {
    let lose = false;
    let cut = (): void => undefined;
    const proxy = await createStepProxy({
      target: rig.scratch.connection,
      onPiece(way) {
        if (!lose || way !== 'answered') return true;
        lose = false;
        setImmediate(() => cut());
        return false;
      },
    });
    cut = () => proxy.cut();
    const connection = { ...rig.scratch.connection, host: proxy.host, port: proxy.port };
    const log = await rig.open({
      ...mute,
      pool: rig.pool({ database: { ...rig.scratch.database, connection }, connectTimeoutMs: 10_000 }),
    });
    await log.append(draft());
    for (let round = 0; round < 3; round++) {
      lose = true;
      await Promise.all(drafts(5).map((record) => log.append(record)));
      await log.append(draft());
    }
    expect(await numbersOf(log)).toEqual(Array.from({ length: 3 + 1 + 18 }, (_, at) => at + 1));
    await proxy.close();
  });
});

describe('the monitor', () => {
  it('reports nothing for complete streams, however busy, and for a closed one', async () => {
    const logs = [await rig.open(steady), await rig.open(steady)];
    for (let round = 0; round < 5; round++)
      await Promise.all(logs.flatMap((log) => drafts(400).map((record) => log.append(record))));
    await logs[1]?.stop();
    await logs[0]?.watchStreams();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await alarmsOf(await rig.open(mute))).toEqual([]);
  });

  it('reports a stream that falls silent without being closed, once, whoever monitors', async () => {
    const { proxy, log: killed } = await behindProxy({ ...lively, watchEveryMs: 0, node: 'node-k' });
    const [opening] = await recordsOf(killed, 'source.opened');
    const others = [await rig.open(steady), await rig.open(steady)];
    // As if its process had been killed: nothing arrives any more.
    await proxy.refuse();
    const reader = await rig.open(mute);
    await expect.poll(() => alarmsOf(reader), { timeout: 60_000 }).toHaveLength(1);
    await others[0]?.stop();
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(await alarmsOf(reader)).toEqual([
      expect.objectContaining({ kind: 'silent', stream: opening?.stream, node: 'node-k' }),
    ]);
    expect(await reader.verify()).toMatchObject({ ok: true });
    await proxy.close();
  });

  it('reports a missing number as soon as a later one arrives', async () => {
    const log = await rig.open(mute);
    const { index } = await log.append(draft());
    await log.append(draft());
    const watcher = await rig.open(mute);
    await rig.tamper(`delete from bodies where index = ${index}`);
    await rig.tamper(
      `insert into bodies select 'access', ${index}, convert_to(replace(convert_from(body, 'UTF8'), '"v":2', '"v":1'), 'UTF8') from bodies where index = ${index + 1n}`,
    );
    await watcher.watchStreams();
    await watcher.watchStreams();
    expect(await alarmsOf(watcher)).toEqual([expect.objectContaining({ kind: 'missing', numbers: [4, 4] })]);
  });

  it('reports a duplicate number', async () => {
    const log = await rig.open(mute);
    const { index } = await log.append(draft());
    await log.watchStreams();
    const { rows } = await rig.tamper('select leaf_hash from entries where index = $1', [index]);
    const seal = seals.seal({ index: index + 1n, leafHash: rows[0].leaf_hash, recordId: 'rec_twice' });
    await rig.tamper(
      `insert into entries (index, record_id, type, leaf_hash, seal, class, recorded_at)
       select ${index + 1n}, 'rec_twice', type, leaf_hash, $1, class, recorded_at from entries where index = ${index}`,
      [seal],
    );
    await rig.tamper(`insert into bodies select class, ${index + 1n}, body from bodies where index = ${index}`);
    await (await rig.open(mute)).watchStreams();
    expect(await alarmsOf(log)).toEqual([
      expect.objectContaining({ kind: 'repeated', numbers: [4, 4], place: (index + 1n).toString() }),
    ]);
    expect(await log.verify()).toMatchObject({ ok: false });
  });

  it.each([
    ['behind', -3_600_000],
    ['ahead', 3_600_000],
  ])('reports a clock that is %s, when it starts', async (kind, byMs) => {
    let offMs = 0;
    const log = await rig.open({ clock: { now: () => systemClock.now() + offMs } });
    await log.append(draft());
    await log.watchStreams();
    expect(await alarmsOf(log)).toEqual([]);
    // A clock that was set back holds the log's time still, so detection takes that long.
    offMs = byMs;
    if (kind === 'behind')
      await rig.tamper(
        `update stream_monitor set watched = watched || '{"reachedAt": ${Date.now() + 3_600_000}}', seal = null`,
      );
    await log.append(draft());
    await log.append(draft());
    await log.watchStreams();
    await log.watchStreams();
    const alarms = await alarmsOf(log);
    expect(alarms).toEqual([expect.objectContaining({ kind, numbers: [5, 5] })]);
    expect(alarms[0]).toMatchObject({ off_by_ms: expect.any(Number) });
  });

  it('starts again from the log if its state is not readable', async () => {
    const log = await rig.open(mute);
    await log.append(draft());
    await log.watchStreams();
    await rig.tamper(`update stream_monitor set through = -1, watched = '{"streams": 3}', seal = null`);
    await log.watchStreams();
    await log.append(draft());
    await log.watchStreams();
    expect(await alarmsOf(log)).toEqual([]);
  });
});
