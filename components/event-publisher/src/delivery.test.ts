import { createPublicKey } from 'node:crypto';
import { HTTP } from 'cloudevents';
import { createVerifier, httpbis } from 'http-message-signatures';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEventWorld, type EventWorld } from './testing/event-world.ts';
import { leis } from './testing/example-mandate.ts';
import { type ReceivedMessage, type Receiver, startReceiver } from './testing/receiver.ts';

const minute = 60_000;
const day = 86_400_000;
const by = { id: 'client:ops', institution: leis.fund };
const topics = ['mandate', 'transaction'];

let world: EventWorld;
let receiver: Receiver;
beforeEach(async () => {
  world = await createEventWorld();
  receiver = await startReceiver();
});
afterEach(async () => {
  await receiver.close();
  await world.close();
});

const subscribe = (change: object = {}) =>
  world.events.subscribe({ institution: leis.fund, url: receiver.url, topics, ...change }, by);
const subscription = async () => (await world.events.subscriptions(leis.fund))[0];
const place = (index: bigint): string => index.toString().padStart(20, '0');

/** Verified by an independent implementation of RFC 9421, with the published keys. */
async function isSigned({ method, headers, body }: ReceivedMessage, url = receiver.url): Promise<boolean | null> {
  const keys = await world.signer.publicKeys('event');
  const fields = ['@method', '@target-uri', 'content-digest', 'content-type'];
  const verified = await httpbis.verifyMessage(
    {
      requiredFields: fields,
      requiredParams: ['created', 'expires', 'keyid', 'alg'],
      keyLookup: async ({ keyid }) => {
        const key = keys.find(({ kid }) => kid === keyid);
        if (key === undefined) return null;
        const verify = createVerifier(createPublicKey({ key: { ...key.jwk }, format: 'jwk' }), 'ecdsa-p256-sha256');
        return { id: key.kid, algs: ['ecdsa-p256-sha256'], verify };
      },
    },
    { method, url, headers: headers as Record<string, string> },
  );
  const digest = await crypto.subtle.digest('SHA-256', Buffer.from(body));
  return verified === true && headers['content-digest'] === `sha-256=:${Buffer.from(digest).toString('base64')}:`;
}

describe('a delivery', () => {
  it('is a CloudEvent in structured mode that the SDK of the CloudEvents project reads', async () => {
    await subscribe();
    const { index, record } = world.mandate();
    expect(await world.events.deliver()).toBe(1);
    const [message] = receiver.received;
    expect(message).toMatchObject({ method: 'POST', path: '/hooks/countersign?tenant=7' });
    const event = HTTP.toEvent({ headers: message?.headers ?? {}, body: message?.body });
    expect(event).toMatchObject({
      specversion: '1.0',
      id: record.id,
      source: 'countersign.example/log',
      type: 'countersign.mandate.proposed',
      subject: record.mandate?.id,
      sequence: place(index),
      data: { mandate: record.mandate?.id, status: 'proposed' },
    });
  });

  it('is signed, and the signature is valid for this message at this address only', async () => {
    await subscribe();
    world.mandate();
    await world.events.deliver();
    const [message] = receiver.received;
    if (message === undefined) throw new Error('nothing came');
    expect(await isSigned(message)).toBe(true);
    expect(await isSigned(message, 'https://elsewhere.example/hooks').catch(() => false)).toBe(false);
    expect(await isSigned({ ...message, method: 'PUT' }).catch(() => false)).toBe(false);
    expect(await isSigned({ ...message, body: `${message.body} ` })).toBe(false);
    const typed = { ...message, headers: { ...message.headers, 'content-type': 'text/plain' } };
    expect(await isSigned(typed).catch(() => false)).toBe(false);
  });

  it('carries all events of the institution, in log order, once if nothing fails', async () => {
    await subscribe();
    const ids = [];
    for (let count = 0; count < 250; count++) {
      ids.push(world.mandate().record.id);
      world.others();
    }
    const counts = [await world.events.deliver(), await world.events.deliver(), await world.events.deliver()];
    expect(counts).toEqual([100, 100, 50]);
    expect(receiver.ids()).toEqual(ids);
    expect(await world.events.deliver()).toBe(0);
    expect(await subscription()).toMatchObject({ position: place(world.log.entries.at(-1)?.index ?? -1n) });
  });

  it('carries nothing of another institution or another topic', async () => {
    const other = await startReceiver();
    await world.events.subscribe(
      { institution: leis.stranger, url: other.url, topics },
      { id: 'client:x', institution: leis.stranger },
    );
    await subscribe({ topics: ['exception'] });
    world.mandate();
    expect(await world.events.deliver()).toBe(0);
    expect([other.received, receiver.received]).toEqual([[], []]);
    await other.close();
  });

  it('costs nothing while there is nothing new, whatever topics are followed', async () => {
    await subscribe({ topics: ['exception'] });
    world.mandate();
    world.others();
    await world.events.deliver();
    const { scans } = world.log.reads;
    for (let count = 0; count < 5; count++) await world.events.deliver();
    expect(world.log.reads.scans).toBe(scans);
  });

  it('skips thousands of others’ events in bounded steps', async () => {
    await subscribe();
    for (let count = 0; count < 9_000; count++) world.others();
    const { record } = world.mandate();
    let turns = 0;
    for (; receiver.received.length === 0 && turns < 10; turns++) {
      const { scans } = world.log.reads;
      await world.events.deliver();
      expect(world.log.reads.scans - scans).toBeLessThanOrEqual(8);
    }
    expect(turns).toBeGreaterThan(1);
    expect(receiver.ids()).toEqual([record.id]);
  });

  it('starts at the requested position', async () => {
    const [first, second] = [world.mandate(), world.mandate()];
    await subscribe({ after: place(first.index) });
    await world.events.deliver();
    expect(receiver.ids()).toEqual([second.record.id]);
  });

  it('starts with the first event after the position of an empty log', async () => {
    const { position } = await world.events.read(leis.fund, {});
    const { index, record } = world.mandate();
    expect(index).toBe(1n);
    await subscribe({ after: position });
    await world.events.deliver();
    expect(receiver.ids()).toEqual([record.id]);
  });
});

describe('a failed delivery', () => {
  it.each([
    ['with an error', 500],
    ['by asking for less', 429],
    ['as wrong', 400],
    ['with a redirect', 302],
  ])('is sent again when it is answered %s, and no later event overtakes it', async (_, status) => {
    await subscribe();
    const first = world.mandate();
    const second = world.mandate();
    receiver.answer(status);
    expect(await world.events.deliver()).toBe(0);
    expect(await subscription()).toMatchObject({ status: 'active', attempts: 1, lastFailure: {} });
    receiver.answer(200);
    expect(await world.events.deliver()).toBe(0);
    world.clock.advance(1_000);
    expect(await world.events.deliver()).toBe(2);
    expect(receiver.ids()).toEqual([first, first, second].map(({ record }) => record.id));
    expect(await subscription()).toMatchObject({ attempts: 0 });
  });

  it('is retried after growing pauses, up to an hour, with jitter', async () => {
    await subscribe();
    world.mandate();
    receiver.answer(503);
    await world.events.deliver();
    for (let failures = 1; failures < 16; failures++) {
      const longest = Math.min(1_000 * 2 ** (failures - 1), 60 * minute);
      world.clock.advance(0.8 * longest - 1);
      await world.events.deliver();
      expect(receiver.received).toHaveLength(failures);
      world.clock.advance(0.2 * longest + 1);
      await world.events.deliver();
      expect(receiver.received).toHaveLength(failures + 1);
    }
  });

  it('tells the institution what it can act on, and nothing internal', async () => {
    await subscribe();
    world.mandate();
    receiver.answer(503);
    await world.events.deliver();
    expect((await subscription())?.lastFailure).toEqual({
      at: new Date(world.clock.now()).toISOString(),
      detail: 'The address answered with status 503.',
    });
    receiver.answer((request) => request.socket.destroy());
    world.clock.advance(2_000);
    await world.events.deliver();
    expect((await subscription())?.lastFailure?.detail).toBe(
      'The address did not respond in time, or is not permitted.',
    );
  });

  it('for three days suspends the subscription, which is recorded, and continues at its position when resumed', async () => {
    await subscribe();
    const first = world.mandate();
    receiver.answer(500);
    await world.events.deliver();
    world.clock.advance(3 * day - 1);
    await world.events.deliver();
    expect(await subscription()).toMatchObject({ status: 'active' });
    const second = world.mandate();
    world.clock.advance(day);
    await world.events.deliver();
    const suspended = await subscription();
    expect(suspended).toMatchObject({ status: 'suspended', attempts: 3 });
    expect(world.log.ofType('event.delivery-suspended')).toMatchObject([
      { data: { subscription: suspended?.id, institution: leis.fund, position: suspended?.position } },
    ]);
    const sent = receiver.received.length;
    receiver.answer(204);
    world.clock.advance(30 * day);
    expect(await world.events.deliver()).toBe(0);
    expect(receiver.received).toHaveLength(sent);
    if (suspended === undefined) throw new Error('it is gone');
    expect(await world.events.resume(leis.fund, suspended.id, by)).toMatchObject({
      status: 'active',
      position: suspended.position,
    });
    expect(await world.events.deliver()).toBe(2);
    expect(receiver.ids().slice(sent)).toEqual([first.record.id, second.record.id]);
  });

  it('counts its days from the last success, not from the first failure ever', async () => {
    await subscribe();
    for (let round = 0; round < 3; round++) {
      world.mandate();
      receiver.answer(500);
      await world.events.deliver();
      world.clock.advance(2 * day);
      receiver.answer(200);
      expect(await world.events.deliver()).toBe(1);
    }
    // One success and one failure in the same turn: the failure is a new one.
    world.mandate();
    receiver.answer(500);
    await world.events.deliver();
    world.clock.advance(3 * day);
    world.mandate();
    let answers = 0;
    receiver.answer((_, response) => void response.writeHead(answers++ === 0 ? 200 : 500).end());
    expect(await world.events.deliver()).toBe(1);
    expect(await subscription()).toMatchObject({ status: 'active', attempts: 1 });
  });

  it('suspends the subscription at once when the address is gone for good (410)', async () => {
    await subscribe();
    world.mandate();
    receiver.answer(410);
    await world.events.deliver();
    expect(await subscription()).toMatchObject({ status: 'suspended' });
    expect(world.log.ofType('event.delivery-suspended')).toHaveLength(1);
  });

  it('does not suspend it while that cannot be recorded, but later', async () => {
    await subscribe();
    world.mandate();
    receiver.answer(410);
    world.log.breakDown('writing');
    await world.events.deliver();
    expect(await subscription()).toMatchObject({ status: 'active' });
    world.log.repair();
    world.clock.advance(minute);
    await world.events.deliver();
    expect(await subscription()).toMatchObject({ status: 'suspended' });
  });

  it('by our own fault does not count as the receiver’s failure', async () => {
    await subscribe();
    const { record } = world.mandate();
    const broken = world.node({
      signer: {
        ...world.signer,
        current: () => Promise.reject(new Error('the keystore is locked')),
      },
    });
    expect(await broken.deliver()).toBe(0);
    expect(await subscription()).toMatchObject({ status: 'active', attempts: 0 });
    expect((await subscription())?.lastFailure).toBeUndefined();
    world.clock.advance(minute);
    expect(await world.events.deliver()).toBe(1);
    expect(receiver.ids()).toEqual([record.id]);
  });

  it('waits while the log cannot be read, and succeeds when it can', async () => {
    await subscribe();
    const { record } = world.mandate();
    world.log.breakDown('reading');
    await expect(world.events.deliver()).rejects.toMatchObject({ code: 'log_unavailable' });
    world.log.repair();
    expect(await world.events.deliver()).toBe(1);
    expect(receiver.ids()).toEqual([record.id]);
  });
});

it('an ended subscription delivers nothing more, not even in the middle of a turn', async () => {
  const { id } = await subscribe();
  for (let count = 0; count < 5; count++) world.mandate();
  receiver.answer((_, response) => {
    const left = receiver.received.length === 2 ? world.events.unsubscribe(leis.fund, id, by) : Promise.resolve();
    void left.then(() => response.writeHead(204).end());
  });
  expect(await world.events.deliver()).toBe(1);
  expect(receiver.received).toHaveLength(2);
  expect(await world.events.subscriptions(leis.fund)).toEqual([]);
});
