import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createEventWorld, type EventWorld } from './testing/event-world.ts';
import { leis, version } from './testing/example-mandate.ts';

const from = { clock: systemClock, random: systemRandom };
let world: EventWorld;
beforeAll(async () => {
  world = await createEventWorld();
});
afterAll(() => world.close());
afterEach(() => world.log.repair());

const read = (institution: string, query: Parameters<EventWorld['events']['read']>[1] = {}) =>
  world.events.read(institution, query);
const idsOf = async (institution: string, query?: Parameters<EventWorld['events']['read']>[1]) =>
  (await read(institution, query)).events.map(({ id }) => id);
/** The current end of the log, as a position. */
const here = async (): Promise<string> => {
  const { index } = world.mandate();
  return index.toString().padStart(20, '0');
};

describe('a page', () => {
  it('of an empty log is empty, and the first event that arrives is after its position', async () => {
    const empty = await read(leis.fund);
    expect(empty).toEqual({ events: [], position: '00000000000000000000' });
    const first = world.mandate();
    expect(first.index).toBe(1n);
    expect(await idsOf(leis.fund, { after: empty.position })).toEqual([first.record.id]);
  });

  it('holds the institution’s events, in log order, and continues from any position', async () => {
    const start = await here();
    const ids = [];
    for (let count = 0; count < 7; count++) {
      ids.push(world.mandate().record.id);
      world.others();
    }
    expect(await idsOf(leis.broker, { after: start })).toEqual(ids);
    const first = await read(leis.broker, { after: start, limit: 3 });
    const second = await read(leis.broker, { after: first.position, limit: 3 });
    const third = await read(leis.broker, { after: second.position, limit: 3 });
    expect([first, second, third].flatMap(({ events }) => events.map(({ id }) => id))).toEqual(ids);
    for (const [at, { sequence }] of first.events.entries())
      expect(await idsOf(leis.broker, { after: sequence, limit: 2 })).toEqual(ids.slice(at + 1, at + 3));
    expect(await read(leis.broker, { after: third.position })).toEqual({ events: [], position: third.position });
  });

  it('is empty for institutions without a part, and advances all the same', async () => {
    const start = await here();
    world.mandate();
    const last = world.mandate();
    const page = await read(leis.stranger, { after: start });
    expect(page).toEqual({ events: [], position: last.index.toString().padStart(20, '0') });
  });

  it('holds the requested topics', async () => {
    const start = await here();
    const transaction = world.transaction([leis.fund]);
    world.mandate();
    const step = world.log.write({ type: 'transaction.transitioned', transaction, data: { event: 'submit' } });
    world.mandate();
    expect(await idsOf(leis.fund, { after: start, topics: ['transaction'] })).toEqual([step.record.id]);
    expect(await idsOf(leis.fund, { after: start, topics: ['exception', 'principal'] })).toEqual([]);
    expect(await idsOf(leis.fund, { after: start })).toHaveLength(3);
  });

  it('holds at most 500, and at least one', async () => {
    const start = await here();
    for (let count = 0; count < 510; count++) world.mandate();
    expect(await idsOf(leis.fund, { after: start, limit: 10_000 })).toHaveLength(500);
    expect(await idsOf(leis.fund, { after: start, limit: -1 })).toHaveLength(1);
  });

  it('skips events of others in bounded steps, and loses nothing after them', async () => {
    const start = await here();
    for (let count = 0; count < 9_000; count++) world.others();
    const wanted = world.mandate();
    let position = start;
    let pages = 0;
    for (let found: readonly string[] = []; found.length === 0; pages++) {
      const before = world.log.reads.scans;
      const page = await read(leis.fund, { after: position });
      // One for the position itself.
      expect(world.log.reads.scans - before).toBeLessThanOrEqual(9);
      expect(page.position > position).toBe(true);
      ({ position } = page);
      found = page.events.map(({ id }) => id);
      if (found.length > 0) expect(found).toEqual([wanted.record.id]);
    }
    expect(pages).toBeGreaterThan(1);
  });

  it('is refused with the error of the log while the log cannot be read', async () => {
    world.log.breakDown('reading');
    await expect(read(leis.fund)).rejects.toMatchObject({ code: 'log_unavailable', category: 'unavailable' });
  });
});

describe('a position', () => {
  it.each(['-1', 'x', '', '1e3', '0x10', '9'.repeat(20), '9'.repeat(21), '9223372036854775807', ' 1', '١'])(
    'that was invented is refused: %j',
    async (after) => {
      await expect(read(leis.fund, { after })).rejects.toMatchObject({ code: 'event_position_invalid' });
    },
  );

  it('that is not reached yet, or at no event, is refused', async () => {
    const last = world.mandate();
    const silent = world.log.write({ type: 'token.issued', data: {} });
    await expect(read(leis.fund, { after: silent.index.toString() })).rejects.toMatchObject({
      code: 'event_position_invalid',
    });
    await expect(read(leis.fund, { after: (last.index + 2n).toString() })).rejects.toMatchObject({
      code: 'event_position_invalid',
    });
    expect(await idsOf(leis.fund, { after: last.index.toString() })).toEqual([]);
    // Not even after later events have arrived.
    world.mandate();
    await expect(read(leis.fund, { after: silent.index.toString() })).rejects.toMatchObject({
      code: 'event_position_invalid',
    });
  });

  it('of somebody else reveals nothing of theirs', async () => {
    const theirs = world.others();
    const ours = world.mandate();
    expect(await idsOf(leis.fund, { after: theirs.index.toString() })).toEqual([ours.record.id]);
  });
});

describe('the parties of a transaction', () => {
  const step = (transaction: ReturnType<EventWorld['transaction']>) =>
    world.log.write({ type: 'transaction.transitioned', transaction, data: { event: 'submit' } });

  it('get its events from the step that makes them parties, at once', async () => {
    const transaction = world.transaction([leis.fund]);
    const start = await here();
    step(transaction);
    expect(await idsOf(leis.venue, { after: start })).toEqual([]);
    world.parties.set(transaction, [leis.fund, leis.venue]);
    const second = step(transaction);
    // The answer from before it became a party is not cached.
    expect(await idsOf(leis.venue, { after: start })).toContain(second.record.id);
    expect(await idsOf(leis.stranger, { after: start })).toEqual([]);
  });

  it('get earlier events, too, when they read from there', async () => {
    const transaction = world.transaction([leis.fund]);
    const start = await here();
    const first = step(transaction);
    expect(await idsOf(leis.venue, { after: start })).toEqual([]);
    world.parties.set(transaction, [leis.fund, leis.venue]);
    world.clock.advance(2_001);
    expect(await idsOf(leis.venue, { after: start })).toEqual([first.record.id]);
  });

  it('are looked up once, however many readers and steps there are', async () => {
    const transaction = world.transaction([leis.fund, leis.venue]);
    const start = await here();
    for (let count = 0; count < 20; count++) step(transaction);
    const before = world.asked.length;
    await Promise.all(
      [leis.fund, leis.venue, leis.broker, leis.stranger].map((institution) => read(institution, { after: start })),
    );
    expect(world.asked.length - before).toBe(1);
  });

  it('of an unknown one are nobody, and hide nothing else', async () => {
    const start = await here();
    step(newId('transaction', from));
    const next = world.mandate();
    expect(await idsOf(leis.fund, { after: start })).toEqual([next.record.id]);
  });

  it('that cannot be looked up make the page fail, and are looked up again', async () => {
    const transaction = newId('transaction', from);
    let failing = true;
    const events = world.node({
      async partiesOf() {
        if (failing) throw new Error('not now');
        return [leis.fund];
      },
    });
    const start = await here();
    const { record } = step(transaction);
    await expect(events.read(leis.fund, { after: start })).rejects.toThrow('not now');
    failing = false;
    expect((await events.read(leis.fund, { after: start })).events.map(({ id }) => id)).toEqual([record.id]);
  });
});

it('a former or prospective party of a mandate gets the version that no longer names it', async () => {
  const start = await here();
  const amendment = { terms: { grantor: { lei: leis.fund }, grantee: { lei: leis.venue } } };
  const proposed = world.mandate({ amendment });
  const later = (type: 'mandate.amended' | 'mandate.revoked', change: object) =>
    world.log.write({
      type,
      references: [proposed.record.id],
      mandate: { id: newId('mandate', from), version: 2 },
      data: { mandate: version(change as Record<string, never>) },
    }).record.id;
  const amended = later('mandate.amended', { grantee: { lei: leis.venue } });
  const revoked = later('mandate.revoked', {});
  expect(await idsOf(leis.broker, { after: start })).toEqual([proposed.record.id, amended, revoked]);
  expect(await idsOf(leis.venue, { after: start })).toEqual([proposed.record.id, amended, revoked]);
  expect(await idsOf(leis.stranger, { after: start })).toEqual([]);
});

describe('a follower', () => {
  it('gets new events as they are written, and ends with its abort signal', async () => {
    const events = world.node({ everyMs: 5 });
    const ending = new AbortController();
    const heard: string[] = [];
    const following = (async () => {
      for await (const { id } of events.follow(leis.fund, { after: await here() }, ending.signal)) {
        heard.push(id);
        if (heard.length === 3) ending.abort();
      }
    })();
    const written = [];
    for (let count = 0; count < 3; count++) {
      written.push(world.mandate().record.id);
      world.others();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await following;
    expect(heard).toEqual(written);
  });

  it('ends when the publisher stops', async () => {
    const events = world.node({ everyMs: 5 });
    const following = (async () => {
      for await (const _ of events.follow(leis.stranger, {}, new AbortController().signal));
      return 'ended';
    })();
    await events.read(leis.stranger, {});
    await events.stop();
    expect(await following).toBe('ended');
  });

  it('fails with the error of the log when the log cannot be read', async () => {
    const events = world.node({ everyMs: 5 });
    world.log.breakDown('reading');
    const following = events.follow(leis.fund, {}, new AbortController().signal)[Symbol.asyncIterator]();
    await expect(following.next()).rejects.toMatchObject({ code: 'log_unavailable' });
  });
});
