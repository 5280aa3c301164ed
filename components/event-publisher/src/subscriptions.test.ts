import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createEventWorld, type EventWorld } from './testing/event-world.ts';
import { leis } from './testing/example-mandate.ts';

let world: EventWorld;
let institution: string;
let number = 0;
beforeAll(async () => {
  world = await createEventWorld();
});
beforeEach(() => {
  institution = `INSTITUTION${++number}`;
});
afterEach(() => world.log.repair());
afterAll(() => world.close());

const by = () => ({ id: 'client:ops', institution });
const subscribe = (change: object = {}) =>
  world.events.subscribe(
    { institution, url: 'https://ops.example/hooks/7f3a?key=s3cret', topics: ['mandate'], ...change },
    by(),
  );

describe('a subscription', () => {
  it('starts now, and is recorded without the secret part of its address', async () => {
    const last = world.mandate();
    const made = await subscribe();
    const { position, ...rest } = made;
    expect(rest).toEqual({
      id: expect.stringMatching(/^sub_/),
      institution,
      url: 'https://ops.example/hooks/7f3a?key=s3cret',
      topics: ['mandate'],
      status: 'active',
      createdAt: new Date(world.clock.now()).toISOString(),
      attempts: 0,
    });
    expect(BigInt(position)).toBe(last.index);
    const [record] = world.log.ofType('event.subscribed').slice(-1);
    expect(record).toMatchObject({
      subject: by(),
      data: { subscription: made.id, institution, origin: 'https://ops.example', topics: ['mandate'], position },
    });
    expect(JSON.stringify(record)).not.toMatch(/7f3a|s3cret/);
  });

  it('is the same when it is requested again, whatever the order of the topics', async () => {
    const made = await subscribe({ topics: ['mandate', 'exception'] });
    const records = world.log.entries.length;
    expect(await subscribe({ topics: ['exception', 'mandate', 'mandate'] })).toEqual(made);
    expect(world.log.entries).toHaveLength(records);
    const other = await subscribe({ topics: ['mandate'] });
    expect(other.id).not.toBe(made.id);
  });

  it('is created once when it is requested many times at once', async () => {
    const nodes = [world.events, world.node()];
    const made = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        nodes[index % 2]?.subscribe({ institution, url: 'https://ops.example/', topics: ['mandate'] }, by()),
      ),
    );
    expect(new Set(made.map((one) => one?.id)).size).toBe(1);
    expect(await world.events.subscriptions(institution)).toHaveLength(1);
  });

  it('is one of at most sixteen, however many are requested at once', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => subscribe({ url: `https://ops.example/${index}` })),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(4);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'subscriptions_too_many' });
    expect(await world.events.subscriptions(institution)).toHaveLength(16);
  });

  it('keeps its address in the form used for sending', async () => {
    expect(await subscribe({ url: 'HTTPS://OPS.example:443/a/../b c' })).toMatchObject({
      url: 'https://ops.example/b%20c',
    });
  });

  it.each([
    'http://ops.example/hooks',
    'http://localhost.example/',
    'http://127.0.0.1.example/',
    'ftp://ops.example/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'https://user@ops.example/',
    'https://user:secret@ops.example/',
    'https://:secret@ops.example/',
    'https://ops.example/#fragment',
    'ops.example',
    '',
    `https://ops.example/${'a'.repeat(1_024)}`,
    // Short as written, and long as sent.
    `https://ops.example/${'é'.repeat(400)}`,
  ])('is refused with the address %s', async (url) => {
    await expect(subscribe({ url })).rejects.toMatchObject({ code: 'subscription_invalid' });
  });

  it('may be on loopback without TLS: the fetcher decides whether to allow it', async () => {
    for (const url of ['http://localhost:9/x', 'http://127.0.0.1:9/x', 'http://[::1]:9/x'])
      expect(await subscribe({ url })).toMatchObject({ url });
  });

  it.each([[[]], [['mandates']], [['mandate', 'x']], [['']]])('is refused with the topics %j', async (topics) => {
    await expect(subscribe({ topics })).rejects.toMatchObject({ code: 'subscription_invalid' });
  });

  it('is refused from an invented position', async () => {
    await expect(subscribe({ after: '99999999999999999999' })).rejects.toMatchObject({
      code: 'event_position_invalid',
    });
  });

  it('is not created, ended or resumed when that cannot be recorded', async () => {
    const { id } = await subscribe();
    world.log.breakDown('writing');
    const unavailable = { code: 'log_unavailable' };
    await expect(subscribe({ url: 'https://other.example/' })).rejects.toMatchObject(unavailable);
    await expect(world.events.unsubscribe(institution, id, by())).rejects.toMatchObject(unavailable);
    world.log.repair();
    expect((await world.events.subscriptions(institution)).map((one) => one.id)).toEqual([id]);
  });

  it('cannot be created while the log cannot be read: its start would be unknown', async () => {
    world.log.breakDown('reading');
    await expect(subscribe()).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(await world.events.subscriptions(institution)).toEqual([]);
  });

  it('is ended, recorded, and gone', async () => {
    const { id } = await subscribe();
    await world.events.unsubscribe(institution, id, by());
    expect(await world.events.subscriptions(institution)).toEqual([]);
    expect(world.log.ofType('event.unsubscribed').at(-1)).toMatchObject({ subject: by(), data: { subscription: id } });
    await expect(world.events.unsubscribe(institution, id, by())).rejects.toMatchObject({
      code: 'subscription_not_found',
    });
  });

  it('of another institution does not exist', async () => {
    const { id } = await subscribe();
    const stranger = { id: 'client:x', institution: leis.stranger };
    const missing = { code: 'subscription_not_found' };
    await expect(world.events.unsubscribe(leis.stranger, id, stranger)).rejects.toMatchObject(missing);
    await expect(world.events.resume(leis.stranger, id, stranger)).rejects.toMatchObject(missing);
    expect(await world.events.subscriptions(leis.stranger)).toEqual([]);
    expect(await world.events.subscriptions(institution)).toHaveLength(1);
    const unknown = newId('subscription', { clock: systemClock, random: systemRandom });
    await expect(world.events.resume(institution, unknown, by())).rejects.toMatchObject(missing);
  });

  it('that is active is not resumed again, and nothing is recorded', async () => {
    const made = await subscribe();
    const records = world.log.entries.length;
    expect(await world.events.resume(institution, made.id, by())).toEqual(made);
    expect(world.log.entries).toHaveLength(records);
  });
});
