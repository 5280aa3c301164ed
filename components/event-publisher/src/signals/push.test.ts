import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { leis } from '../testing/example-mandate.ts';
import { type Receiver, startReceiver } from '../testing/receiver.ts';
import { by, createSignalWorld, issuer, type SignalWorld } from './testing/signal-world.ts';

const day = 86_400_000;
const push = 'urn:ietf:rfc:8935';
const caep = (event: string) => `https://schemas.openid.net/secevent/caep/event-type/${event}`;
const ssf = (event: string) => `https://schemas.openid.net/secevent/ssf/event-type/${event}`;

let world: SignalWorld;
let receiver: Receiver;
beforeEach(async () => {
  world = await createSignalWorld();
  receiver = await startReceiver();
  receiver.answer(202);
});
afterEach(async () => {
  await receiver.close();
  await world.close();
});

const create = (change: object = {}, who = by()) =>
  world.signals.streams.create({ delivery: { method: push, endpoint_url: receiver.url, ...change } }, who);
const claimsAt = (at: number) => world.verified(receiver.received[at]?.body ?? '');
const allClaims = () => Promise.all(receiver.received.map((_, at) => claimsAt(at)));

function later<Value>() {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('a pushed token', () => {
  it('is a Security Event Token of the profile, which jose verifies with the published keys', async () => {
    await create();
    const record = world.signIn();
    world.clock.advance(3_000);
    expect(await world.signals.deliver()).toBe(1);
    expect(receiver.received[0]).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/secevent+jwt' },
    });
    const claims = await claimsAt(0);
    const happened = Date.parse(record.time) / 1000;
    expect(claims).toMatchObject({
      ...{ iss: issuer, aud: 'ops', txn: record.id, toe: happened, iat: happened + 3 },
      sub_id: {
        format: 'complex',
        user: { format: 'iss_sub', iss: issuer, sub: 'person:frank.fund' },
        session: { format: 'opaque', id: (record.data as { session: string }).session },
        tenant: { format: 'opaque', id: leis.fund },
      },
    });
    expect(claims['events']).toEqual({
      [caep('session-established')]: {
        event_timestamp: happened,
        initiating_entity: 'user',
        acr: 'urn:acr:phr',
        amr: ['hwk', 'user'],
      },
    });
    expect(claims.jti).toContain(record.id);
    // Section 4.1: neither claim, so that it cannot be taken for another kind of token.
    expect(claims).not.toHaveProperty('sub');
    expect(claims).not.toHaveProperty('exp');
  });

  it('carries the receiver’s authorization, which is stored sealed and never shown', async () => {
    const secret = 'Bearer of-the-receiver';
    const stream = await create({ authorization_header: secret });
    world.signIn();
    await world.signals.deliver();
    expect(receiver.received[0]?.headers.authorization).toBe(secret);
    expect(
      JSON.stringify([stream, await world.signals.streams.list(leis.fund), world.log.entries.map((e) => e.record)]),
    ).not.toContain('of-the-receiver');
    const { rows } = await world.scratch
      .pool('event-publisher')
      .query<{ kept: string }>(`select encode(authorization_sealed, 'escape') as kept from signal_streams`);
    expect(rows[0]?.kept.length).toBeGreaterThan(secret.length);
    expect(rows[0]?.kept).not.toContain('receiver');
  });

  it('keeps its claims when it is sent again, and is identified by its jti', async () => {
    await create();
    world.signIn();
    receiver.answer(503);
    await world.signals.deliver();
    world.clock.advance(5_000);
    receiver.answer(202);
    expect(await world.signals.deliver()).toBe(1);
    const [first, second] = await allClaims();
    expect(second).toEqual(first);
  });

  it('arrives in log order, once each if nothing fails, and at its institution only', async () => {
    const stranger = await startReceiver();
    await world.signals.streams.create({ delivery: { method: push, endpoint_url: stranger.url } }, by(leis.stranger));
    await create();
    const records: string[] = [];
    for (let count = 0; count < 130; count++) {
      records.push(world.signIn().id);
      world.signIn(leis.broker, 'person:bea');
    }
    while ((await world.signals.deliver()) > 0);
    expect((await allClaims()).map(({ txn }) => txn)).toEqual(records);
    expect(stranger.received).toEqual([]);
    await stranger.close();
  });

  it('of one record has another jti for another receiver', async () => {
    await create();
    await create({}, by(leis.fund, 'other'));
    world.signIn();
    await world.signals.deliver();
    const jtis = receiver.received.map(({ body }) =>
      String((JSON.parse(Buffer.from(body.split('.')[1] ?? '', 'base64url').toString()) as { jti: unknown }).jti),
    );
    expect(new Set(jtis).size).toBe(2);
  });

  it('is signed by the key that is active when it is sent', async () => {
    await create();
    world.signIn();
    const { kid } = await world.signer.current('security-event');
    const next = await world.signer.withdraw('security-event', kid);
    await world.signals.deliver();
    const header = JSON.parse(Buffer.from(receiver.received[0]?.body.split('.')[0] ?? '', 'base64url').toString());
    expect(header).toEqual({ alg: 'ES256', typ: 'secevent+jwt', kid: next.kid });
    await claimsAt(0);
  });
});

describe('a failed push', () => {
  it.each([400, 401, 500, 429])(
    'is retried when it is answered %i, and no later token overtakes it',
    async (status) => {
      await create();
      const records = [world.signIn().id, world.signIn().id];
      receiver.answer(status);
      expect(await world.signals.deliver()).toBe(0);
      expect(receiver.received).toHaveLength(1);
      expect(await world.signals.deliver()).toBe(0);
      expect(receiver.received).toHaveLength(1);
      receiver.answer(202);
      world.clock.advance(1_000);
      expect(await world.signals.deliver()).toBe(2);
      expect((await allClaims()).map(({ txn }) => txn)).toEqual([records[0], ...records]);
    },
  );

  it('for three days pauses the stream, which is signalled and recorded; nothing is lost when it is enabled', async () => {
    const { stream_id } = await create();
    const first = world.signIn();
    receiver.answer(500);
    await world.signals.deliver();
    world.clock.advance(3 * day - 1);
    await world.signals.deliver();
    expect(await world.signals.streams.status(leis.fund, stream_id)).toMatchObject({ status: 'enabled' });
    world.clock.advance(day);
    await world.signals.deliver();
    expect(await world.signals.streams.status(leis.fund, stream_id)).toMatchObject({ status: 'paused' });
    const [suspended] = world.log.ofType('signal.delivery-suspended');
    expect(suspended?.data).toMatchObject({ stream: stream_id, institution: leis.fund });
    const told = await claimsAt(receiver.received.length - 1);
    expect(told).toMatchObject({
      jti: expect.stringContaining(String(suspended?.id)),
      sub_id: { format: 'opaque', id: stream_id },
      events: { [ssf('stream-updated')]: { status: 'paused' } },
    });
    const sent = receiver.received.length;
    const second = world.signIn();
    receiver.answer(202);
    expect(await world.signals.deliver()).toBe(0);
    await world.signals.streams.setStatus({ stream_id, status: 'enabled' }, by());
    expect(await world.signals.deliver()).toBe(2);
    expect((await allClaims()).slice(sent).map(({ txn }) => txn)).toEqual([first.id, second.id]);
  });

  it('because the address is gone (410) pauses the stream at once, and not while that cannot be recorded', async () => {
    const { stream_id } = await create();
    world.signIn();
    receiver.answer(410);
    world.log.breakDown('writing');
    await world.signals.deliver();
    expect(await world.signals.streams.status(leis.fund, stream_id)).toMatchObject({ status: 'enabled' });
    world.log.repair();
    world.clock.advance(60_000);
    await world.signals.deliver();
    expect(await world.signals.streams.status(leis.fund, stream_id)).toMatchObject({ status: 'paused' });
    expect(world.log.ofType('signal.delivery-suspended')).toHaveLength(1);
  });

  it('waits while the log cannot be read, and succeeds when it can', async () => {
    await create();
    world.signIn();
    world.log.breakDown('reading');
    await expect(world.signals.deliver()).rejects.toMatchObject({ code: 'log_unavailable' });
    world.log.repair();
    expect(await world.signals.deliver()).toBe(1);
  });
});

describe('two nodes', () => {
  it('push each stream one at a time, and lose and repeat nothing if nothing fails', async () => {
    const other = world.node();
    await create();
    const records = Array.from({ length: 40 }, () => world.signIn().id);
    let [atOnce, most] = [0, 0];
    receiver.answer((_, response) => {
      most = Math.max(most, ++atOnce);
      setImmediate(() => {
        atOnce -= 1;
        response.writeHead(202).end();
      });
    });
    for (let round = 0; round < 4; round++)
      await Promise.all([world.signals, other].flatMap((node) => [node.deliver(), node.deliver()]));
    expect((await allClaims()).map(({ txn }) => txn)).toEqual(records);
    expect(most).toBe(1);
  });

  it('take over from one that died with a token on its way, which is then sent again', async () => {
    await create();
    const records = [world.signIn().id, world.signIn().id];
    const post = later<{ status: number }>();
    const reached = later<void>();
    const dying = world.node({
      outbound: {
        post() {
          reached.resolve();
          return post.promise;
        },
      },
    });
    const lastTurn = dying.deliver();
    await reached.promise;
    expect(await world.signals.deliver()).toBe(0);
    world.clock.advance(30_001);
    expect(await world.signals.deliver()).toBe(2);
    expect((await allClaims()).map(({ txn }) => txn)).toEqual(records);
    // It wakes up after all: its stream has another holder, and it moves nothing.
    const late = world.signIn().id;
    post.resolve({ status: 202 });
    expect(await lastTurn).toBe(0);
    expect(await world.signals.deliver()).toBe(1);
    expect((await claimsAt(2)).txn).toBe(late);
  });
});

it('an address that is changed in the middle of a turn gets at most one more token', async () => {
  const { stream_id } = await create();
  const elsewhere = await startReceiver();
  for (let count = 0; count < 5; count++) world.signIn();
  receiver.answer((_, response) => {
    const moved = world.signals.streams.update(
      { stream_id, delivery: { method: push, endpoint_url: elsewhere.url } },
      by(),
    );
    void moved.then(() => response.writeHead(202).end());
  });
  await world.signals.deliver();
  expect(receiver.received).toHaveLength(1);
  await world.signals.deliver();
  expect(elsewhere.received).toHaveLength(4);
  await elsewhere.close();
});

it('a stream costs nothing while there is nothing new', async () => {
  await create();
  world.signIn(leis.stranger, 'person:x');
  await world.signals.deliver();
  const { scans } = world.log.reads;
  for (let count = 0; count < 5; count++) await world.signals.deliver();
  expect(world.log.reads.scans).toBe(scans);
});
