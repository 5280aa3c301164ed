import type { EvidenceRecord } from '@countersign/contracts';
import { isCodedError, systemClock } from '@countersign/kernel';
import { createFaultyProxy } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditLogDependencies, RunningAuditLog } from '../index.ts';
import { createRig, draft, drafts, type Rig } from '../testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

/** Beats and looks so often that a test need not wait. */
const lively = { clock: systemClock, beatEveryMs: 60, watchEveryMs: 30 } as const;
/** Beats so rarely that a busy machine does not make it silent. */
const steady = { ...lively, beatEveryMs: 5_000 } as const;
const mute = { clock: systemClock } as const;

async function recordsOf(log: RunningAuditLog, type: EvidenceRecord['type']): Promise<readonly EvidenceRecord[]> {
  return (await log.search({ type })).map(({ record }) => record);
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
  it('numbers all its records from 1, each of which names the stream and the clock', async () => {
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

  it('is another one for each process on the database, and each is closed when its process stops', async () => {
    const logs = [await rig.open(), await rig.open()];
    await Promise.all(logs.flatMap((log) => drafts(50).map((record) => log.append(record))));
    const reader = await rig.open();
    await Promise.all(logs.map((log) => log.stop()));
    const closed = await recordsOf(reader, 'source.closed');
    expect(closed.map(({ data }) => data)).toEqual([
      { up_to: expect.any(Number), void: expect.any(Array) },
      { up_to: expect.any(Number), void: expect.any(Array) },
    ]);
    const all = (await reader.search({})).map(({ record }) => record);
    for (const { stream, number } of closed) {
      const numbers = all.filter((record) => record.stream === stream).map((record) => record.number);
      expect(numbers.at(-1)).toBe(number);
      expect(numbers).toEqual(numbers.toSorted((a, b) => Number(a) - Number(b)));
    }
    expect(await reader.verify()).toMatchObject({ ok: true });
  });

  it('beats while nothing is recorded', async () => {
    const log = await rig.open(lively);
    await expect.poll(async () => (await recordsOf(log, 'source.beat')).length, { timeout: 60_000 }).toBeGreaterThan(2);
    const [first, second] = await recordsOf(log, 'source.beat');
    expect(first?.data).toEqual({ up_to: Number(first?.number) - 1, void: [] });
    expect(Number(second?.number)).toBe(Number(first?.number) + 1);
  });

  it('leaves no number for what is refused, and says of what failed that its number is void', async () => {
    const { proxy, log } = await behindProxy({ ...lively, watchEveryMs: 0 });
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
    // The same again is answered with the first receipt, and its second number is void.
    await log.append(written);
    const voids = async () =>
      (await recordsOf(log, 'source.beat')).flatMap(({ data }) => (data as { void: [number, number][] }).void);
    const count = async () => (await voids()).reduce((sum, [first, last]) => sum + last - first + 1, 0);
    await expect.poll(count, { timeout: 60_000 }).toBeGreaterThanOrEqual(31);
    await log.watchStreams();
    expect(await alarmsOf(log)).toEqual([]);
    expect(await log.verify()).toMatchObject({ ok: true });
    await proxy.close();
  });
});

describe('the monitor', () => {
  it('has nothing to say of streams that are whole, however busy, and of one that was closed', async () => {
    const logs = [await rig.open(steady), await rig.open(steady)];
    for (let round = 0; round < 5; round++)
      await Promise.all(logs.flatMap((log) => drafts(400).map((record) => log.append(record))));
    await logs[1]?.stop();
    await logs[0]?.watchStreams();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await alarmsOf(await rig.open(mute))).toEqual([]);
  });

  it('reports a stream that falls silent without having been closed, once, whoever watches', async () => {
    const { proxy, log: killed } = await behindProxy({ ...lively, watchEveryMs: 0, node: 'node-k' });
    const [opening] = await recordsOf(killed, 'source.opened');
    const others = [await rig.open(steady), await rig.open(steady)];
    // As if its process had been killed: nothing of it arrives any more.
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

  it('reports a number that is missing, as soon as its stream says that everything has come to its end', async () => {
    const log = await rig.open(mute);
    const { index } = await log.append(draft());
    await log.append(draft());
    const watcher = await rig.open(mute);
    await rig.tamper(`delete from bodies where index = ${index}`);
    await rig.tamper(
      `insert into bodies select 'access', ${index}, convert_to(replace(convert_from(body, 'UTF8'), '"v":2', '"v":1'), 'UTF8') from bodies where index = ${index + 1n}`,
    );
    await log.stop();
    await watcher.watchStreams();
    await watcher.watchStreams();
    expect(await alarmsOf(watcher)).toEqual([expect.objectContaining({ kind: 'missing', numbers: [4, 4] })]);
  });

  it('reports a number that comes twice', async () => {
    const log = await rig.open(mute);
    const { index } = await log.append(draft());
    await log.watchStreams();
    await rig.tamper(`insert into entries (index, record_id, type, leaf_hash, class, recorded_at)
      select ${index + 1n}, 'rec_twice', type, leaf_hash, class, recorded_at from entries where index = ${index}`);
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
  ])('reports a clock that is %s, when it begins to be', async (kind, byMs) => {
    let offMs = 0;
    const log = await rig.open({ clock: { now: () => systemClock.now() + offMs } });
    await log.append(draft());
    await log.watchStreams();
    expect(await alarmsOf(log)).toEqual([]);
    // A clock that is set back holds the log's time still, and so it takes until it is noticed.
    offMs = byMs;
    if (kind === 'behind')
      await rig.tamper(`update stream_monitor set watched = watched || '{"reachedAt": ${Date.now() + 3_600_000}}'`);
    await log.append(draft());
    await log.append(draft());
    await log.watchStreams();
    await log.watchStreams();
    const alarms = await alarmsOf(log);
    expect(alarms).toEqual([expect.objectContaining({ kind, numbers: [5, 5] })]);
    expect(alarms[0]).toMatchObject({ off_by_ms: expect.any(Number) });
  });

  it('begins again from the log when what it knew is not readable', async () => {
    const log = await rig.open(mute);
    await log.append(draft());
    await log.watchStreams();
    await rig.tamper(`update stream_monitor set through = -1, watched = '{"streams": 3}'`);
    await log.watchStreams();
    await log.append(draft());
    await log.watchStreams();
    expect(await alarmsOf(log)).toEqual([]);
  });
});
