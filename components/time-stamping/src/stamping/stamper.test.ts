import { type EvidenceRecord, timeStampErrors } from '@countersign/contracts';
import { createConfiguredExchange } from '@countersign/federation-gateway';
import { decodeBase64Url, sha256 } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { verifyTimeStampToken } from '@countersign/x509';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createTimeStampExchange } from '../client/time-stamp-exchange.ts';
import type { TimeStampingDependencies } from '../index.ts';
import { createTimeStampingWorld, operator, type TimeStampingWorld } from '../testing/time-stamping-world.ts';

const minute = 60_000;
const hour = 60 * minute;

let world: TimeStampingWorld;
beforeEach(async () => {
  world = await createTimeStampingWorld();
  world.log.write({ type: 'log.opened' });
});
afterEach(() => world.close());

const stamps = () => world.log.ofType('timestamp.obtained');
const stampedThing = ({ data }: EvidenceRecord) => (data as { readonly thing: Record<string, string> }).thing;
const open = (intentType = 'trade_order') =>
  world.log.write({ type: 'transaction.opened', transaction: world.transaction(), data: { intent_type: intentType } });
const step = (to: string, decision?: object) =>
  world.log.write({
    type: 'transaction.transitioned',
    transaction: world.transaction(),
    data: { from: 'intended', to, ...(decision === undefined ? {} : { decision: { ...decision } }) },
  });
const orders = { opened: ['trade_order'], into: ['settled'] };

/** Our own authority behind a switch that the test controls. */
async function switchable() {
  const own = world.node();
  const state = { answering: true, asked: 0 };
  const certificates = await own.certificates.all();
  const changes = {
    authority: {
      url: 'https://tsa.example/',
      trusted: { certificates },
      async exchange(request) {
        state.asked += 1;
        if (!state.answering) throw timeStampErrors.error('timestamp_unavailable', 'It does not answer.');
        return own.authority.answer(request, {});
      },
    },
  } satisfies Partial<TimeStampingDependencies>;
  return { state, changes };
}

describe('checkpoints', () => {
  it('are stamped once an hour, the newest published one', async () => {
    const node = world.node();
    const first = await world.log.publish();
    expect(await node.stampDue()).toBe(1);
    const [stamp] = stamps();
    expect(stamp).toMatchObject({
      outcome: 'done',
      subject: operator,
      data: { thing: { kind: 'checkpoint', size: '1', checkpoint: first }, authority: 'own' },
    });
    world.log.write({ type: 'source.beat' });
    await world.log.publish();
    world.clock.advance(hour - 1);
    expect(await node.stampDue()).toBe(0);
    world.clock.advance(1);
    const third = await world.log.publish();
    expect(await node.stampDue()).toBe(1);
    expect(stamps().map((record) => stampedThing(record)['checkpoint'])).toEqual([first, third]);
  });

  it('are stamped so that anybody can verify it over the SHA-256 of the note', async () => {
    const node = world.node();
    const note = await world.log.publish();
    await node.stampDue();
    const [record] = stamps();
    const { token = '' } = (record?.data ?? {}) as { readonly token?: string };
    const verdict = verifyTimeStampToken({
      token: decodeBase64Url(token) ?? new Uint8Array(),
      digest: sha256(note),
      trusted: { certificates: await node.certificates.all() },
    });
    expect(verdict).toMatchObject({ ok: true });
  });

  it('are not stamped before there is one, and not twice when nothing was added', async () => {
    const node = world.node();
    expect(await node.stampDue()).toBe(0);
    await world.log.publish();
    expect(await node.stampDue()).toBe(1);
    world.clock.advance(2 * hour);
    expect(await node.stampDue()).toBe(0);
    world.log.write({ type: 'source.beat' });
    await world.log.publish();
    expect(await node.stampDue()).toBe(1);
  });

  it('are stamped on the configured schedule', async () => {
    const node = world.node({ checkpointsEveryMs: minute });
    for (let count = 0; count < 3; count++) {
      world.log.write({ type: 'source.beat' });
      await world.log.publish();
      expect(await node.stampDue()).toBe(1);
      world.clock.advance(minute);
    }
  });

  it('are stamped by one node, and by the next one when that is gone', async () => {
    const [first, second] = [world.node(), world.node()];
    await world.log.publish();
    const counts = await Promise.all([first.stampDue(), second.stampDue()]);
    expect(counts.toSorted()).toEqual([0, 1]);
    const [idle, busy] = counts[0] === 0 ? [first, second] : [second, first];
    world.clock.advance(hour);
    world.log.write({ type: 'source.beat' });
    await world.log.publish();
    expect(await idle.stampDue()).toBe(0);
    await busy.stop();
    expect(await idle.stampDue()).toBe(1);
    expect(stamps()).toHaveLength(2);
  });
});

describe('steps of transactions', () => {
  it('are stamped when the policy names them, each over its leaf, as part of their transaction', async () => {
    const node = world.node({ orders });
    await node.stampDue();
    const opened = open();
    open('allocation');
    step('submitted');
    const settled = step('settled');
    expect(await node.stampDue()).toBe(2);
    for (const [at, entry] of [opened, settled].entries()) {
      const record = stamps()[at];
      expect(record).toMatchObject({
        transaction: entry.record.transaction,
        references: [entry.record.id],
        data: { thing: { kind: 'record', record: entry.record.id, leafHash: entry.leafHash } },
      });
      const { token = '' } = (record?.data ?? {}) as { readonly token?: string };
      const verdict = verifyTimeStampToken({
        token: decodeBase64Url(token) ?? new Uint8Array(),
        digest: decodeBase64Url(entry.leafHash) ?? new Uint8Array(),
        trusted: { certificates: await node.certificates.all() },
      });
      expect(verdict).toMatchObject({ ok: true });
    }
    expect(await node.stampDue()).toBe(0);
  });

  it('are stamped when a permitting policy requests it, and by any policy with a star', async () => {
    const node = world.node();
    await node.stampDue();
    step('executed', { time_stamp: true });
    step('executed', { time_stamp: false });
    step('executed');
    expect(await node.stampDue()).toBe(1);
    await node.stop();
    const all = world.node({ orders: { opened: ['*'], into: ['*'] } });
    open('anything');
    step('anywhere');
    expect(await all.stampDue()).toBe(2);
  });

  it('from before stamping was switched on are not stamped', async () => {
    open();
    const node = world.node({ orders });
    expect(await node.stampDue()).toBe(0);
    open();
    expect(await node.stampDue()).toBe(1);
  });

  it('find their leaf anywhere in its tile', async () => {
    const node = world.node({ orders });
    await node.stampDue();
    while (world.log.write({ type: 'source.beat' }).index < 254n);
    const entries = [open(), open()];
    expect(entries.map(({ index }) => index)).toEqual([255n, 256n]);
    expect(await node.stampDue()).toBe(2);
    expect(stamps().map((record) => stampedThing(record)['leafHash'])).toEqual(entries.map(({ leafHash }) => leafHash));
  });

  it('are all stamped, across pages', async () => {
    const node = world.node({ orders });
    await node.stampDue();
    const opened = Array.from({ length: 130 }, () => open());
    expect(await node.stampDue()).toBe(130);
    expect(stamps().map((record) => stampedThing(record)['record'])).toEqual(opened.map(({ record }) => record.id));
  });
});

describe('an outage of the authority', () => {
  it('is retried after growing pauses, and the backlog is stamped in order', async () => {
    const { state, changes } = await switchable();
    const node = world.node({ ...changes, orders });
    await node.stampDue();
    state.answering = false;
    const opened = [open(), open(), open()];
    await expect(node.stampDue()).rejects.toMatchObject({ code: 'timestamp_unavailable' });
    expect(state.asked).toBe(1);
    // No request during the pause.
    expect(await node.stampDue()).toBe(0);
    expect(state.asked).toBe(1);
    for (const pause of [1_000, 2_000, 4_000]) {
      world.clock.advance(pause);
      await expect(node.stampDue()).rejects.toMatchObject({ code: 'timestamp_unavailable' });
    }
    expect(state.asked).toBe(4);
    state.answering = true;
    world.clock.advance(8_000);
    expect(await node.stampDue()).toBe(3);
    expect(stamps().map((record) => stampedThing(record)['record'])).toEqual(opened.map(({ record }) => record.id));
    expect(stamps().every(({ data }) => (data as { authority?: string }).authority === 'https://tsa.example/')).toBe(
      true,
    );
  });

  it('is alarmed once, with its start, as soon as stamps are late', async () => {
    const { state, changes } = await switchable();
    const gauges: (() => number)[] = [];
    const metrics = { gauge: (_name: string, _help: string, read: () => number) => void gauges.push(read) };
    const node = world.node({ ...changes, orders, metrics, lateAfterMs: 10 * minute });
    await node.stampDue();
    state.answering = false;
    const { record } = open();
    const alarms = () => world.log.ofType('timestamp.refused');
    await expect(node.stampDue()).rejects.toThrow();
    expect(alarms()).toEqual([]);
    for (let count = 0; count < 3; count++) {
      world.clock.advance(10 * minute);
      await expect(node.stampDue()).rejects.toThrow();
    }
    expect(alarms()).toMatchObject([
      {
        outcome: 'deny',
        reason: 'timestamp_unavailable',
        subject: operator,
        data: { overdue: true, waiting_since: record.time, authority: 'https://tsa.example/' },
      },
    ]);
    expect(gauges[0]?.()).toBe(30 * 60);
    state.answering = true;
    world.clock.advance(10 * minute);
    expect(await node.stampDue()).toBe(1);
    expect(gauges[0]?.()).toBe(0);
    // The next outage raises a new alarm.
    state.answering = false;
    open();
    world.clock.advance(10 * minute);
    await expect(node.stampDue()).rejects.toThrow();
    expect(alarms()).toHaveLength(2);
  });

  it('is alarmed for checkpoints as well, from when they were due', async () => {
    const { state, changes } = await switchable();
    const node = world.node({ ...changes, lateAfterMs: 10 * minute });
    await world.log.publish();
    await node.stampDue();
    state.answering = false;
    world.clock.advance(hour + 9 * minute);
    world.log.write({ type: 'source.beat' });
    await world.log.publish();
    await expect(node.stampDue()).rejects.toThrow();
    expect(world.log.ofType('timestamp.refused')).toEqual([]);
    world.clock.advance(minute);
    await expect(node.stampDue()).rejects.toThrow();
    expect(world.log.ofType('timestamp.refused')).toHaveLength(1);
  });
});

describe('a log that cannot be written', () => {
  it('loses no stamp: the step is stamped again when it can', async () => {
    const { changes } = await switchable();
    const node = world.node({ ...changes, orders });
    await node.stampDue();
    const { record } = open();
    world.log.breakDown('writing');
    await expect(node.stampDue()).rejects.toMatchObject({ code: 'log_unavailable' });
    world.log.repair();
    world.clock.advance(minute);
    expect(await node.stampDue()).toBe(1);
    expect(stamps().map((stamp) => stampedThing(stamp)['record'])).toEqual([record.id]);
  });
});

describe('another node', () => {
  it('continues after the last stamp of one that was stopped midway', async () => {
    const { changes } = await switchable();
    const nodes: { stop(): Promise<void> }[] = [];
    let asked = 0;
    const stopping: Partial<TimeStampingDependencies> = {
      authority: {
        ...changes.authority,
        async exchange(request) {
          asked += 1;
          if (asked === 2) void nodes[0]?.stop();
          return changes.authority.exchange(request);
        },
      },
    };
    const first = world.node({ ...stopping, orders });
    nodes.push(first);
    await first.stampDue();
    const opened = Array.from({ length: 5 }, () => open());
    expect(await first.stampDue()).toBe(2);
    const second = world.node({ ...changes, orders });
    await first.stop();
    expect(await second.stampDue()).toBe(3);
    expect(stamps().map((record) => stampedThing(record)['record'])).toEqual(opened.map(({ record }) => record.id));
  });
});

describe('a node that fell silent', () => {
  it('is replaced once its turn has expired, and learns that it has lost it', async () => {
    const [silent, other] = [world.node({ orders }), world.node({ orders })];
    await silent.stampDue();
    open();
    expect(await other.stampDue()).toBe(0);
    await world.scratch.pool('time-stamping').query(`update stamping set held_until = now() - interval '1 second'`);
    expect(await other.stampDue()).toBe(1);
    open();
    expect(await silent.stampDue()).toBe(0);
    expect(await other.stampDue()).toBe(1);
    expect(stamps()).toHaveLength(2);
  });
});

describe('the stamper by itself', () => {
  it('looks at intervals', async () => {
    await world.log.publish();
    world.node({ everyMs: 10 });
    await vi.waitFor(() => expect(stamps()).toHaveLength(1), { timeout: 60_000 });
  });

  it('calls its authority over HTTP', async () => {
    const elsewhere = world.node();
    const app = await world.serve(elsewhere);
    await app.listen({ port: 0, host: '127.0.0.1' });
    const url = `${app.listeningOrigin}/timestamps`;
    const trusted = { certificates: await elsewhere.certificates.all() };
    const { exchange, stop } = createConfiguredExchange({ logger: createLogger({ level: 'silent', name: 'test' }) });
    onTestFinished(() => stop());
    const node = world.node({
      authority: { url, trusted, exchange: createTimeStampExchange({ url, exchange }) },
      orders,
    });
    await node.stampDue();
    open();
    expect(await node.stampDue()).toBe(1);
    expect(stamps()).toMatchObject([{ data: { authority: url } }]);
  });
});
