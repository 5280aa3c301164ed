import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEventWorld, type EventWorld } from './testing/event-world.ts';
import { leis } from './testing/example-mandate.ts';
import { type Receiver, startReceiver } from './testing/receiver.ts';

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

const subscribe = (institution: string = leis.fund, url = receiver.url) =>
  world.events.subscribe({ institution, url, topics: ['mandate'] }, { id: 'client:ops', institution });
const subscription = async (institution: string = leis.fund) => (await world.events.subscriptions(institution))[0];
const place = (index: bigint): string => index.toString().padStart(20, '0');

/** The receiver holds its answers until the test releases them. */
function heldAnswers(of: Receiver) {
  const held: ServerResponse[] = [];
  let arrived = (): void => undefined;
  of.answer((_, response) => {
    held.push(response);
    arrived();
  });
  return {
    held,
    async next(count: number): Promise<void> {
      while (held.length < count)
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
    },
    giveAll(status = 204): void {
      for (const response of held.splice(0)) if (!response.writableEnded) response.writeHead(status).end();
    },
  };
}

describe('a node without subscriptions', () => {
  it('does not poll the log, and starts again with the first subscription', async () => {
    world.log.breakDown('reading');
    expect(await world.events.deliver()).toBe(0);
    world.log.repair();
    await subscribe();
    world.mandate();
    expect(await world.events.deliver()).toBe(1);
    world.log.breakDown('reading');
    await expect(world.events.deliver()).rejects.toMatchObject({ code: 'log_unavailable' });
  });
});

describe('two nodes', () => {
  it('deliver each subscription one at a time, however often both look', async () => {
    const others = [world.node(), world.node()];
    await subscribe();
    const ids = Array.from({ length: 60 }, () => world.mandate().record.id);
    let [atOnce, most] = [0, 0];
    receiver.answer((_, response) => {
      most = Math.max(most, ++atOnce);
      setImmediate(() => {
        atOnce -= 1;
        response.writeHead(204).end();
      });
    });
    for (let round = 0; round < 5; round++)
      await Promise.all([world.events, ...others].flatMap((node) => [node.deliver(), node.deliver()]));
    expect(receiver.ids()).toEqual(ids);
    expect(most).toBe(1);
  });

  it('take over from a killed one: nothing is lost, and the event in delivery is sent again', async () => {
    await subscribe();
    const [first, second] = [world.mandate(), world.mandate()];
    // It is killed while the receiver works on the first event: its answer never arrives.
    const killed = world.node({ outbound: { post: (...message) => world.outbound.post(...message).then(never) } });
    const dying = killed.deliver();
    await untilReceived(1);
    const survivor = world.node();
    expect(await survivor.deliver()).toBe(0);
    world.clock.advance(30_000);
    expect(await survivor.deliver()).toBe(2);
    expect(receiver.ids()).toEqual([first, first, second].map(({ record }) => record.id));
    expect(await subscription()).toMatchObject({ position: place(second.index) });
    letGo();
    await dying;
  });

  it('do not let an old lease holder that wakes up move the position or send anything', async () => {
    await subscribe();
    const [first, second] = [world.mandate(), world.mandate()];
    const answers = heldAnswers(receiver);
    const sleeping = world.node().deliver();
    await answers.next(1);
    // The other node finds the lease expired, and fails on the very first event.
    world.clock.advance(30_000);
    const awake = world.node();
    const trying = awake.deliver();
    await answers.next(2);
    const [slept, tried] = answers.held;
    tried?.writeHead(500).end();
    expect(await trying).toBe(0);
    slept?.writeHead(204).end();
    expect(await sleeping).toBe(0);
    expect(await subscription()).toMatchObject({ attempts: 1, position: place(0n) });
    expect(receiver.ids()).toEqual([first.record.id, first.record.id]);
    receiver.answer(204);
    world.clock.advance(1_000);
    expect(await awake.deliver()).toBe(2);
    expect(receiver.ids().slice(2)).toEqual([first.record.id, second.record.id]);
  });

  it('do not let an old lease holder count a failure or suspend anything', async () => {
    await subscribe();
    world.mandate();
    const answers = heldAnswers(receiver);
    const sleeping = world.node().deliver();
    await answers.next(1);
    world.clock.advance(30_000);
    const awake = world.node();
    const delivering = awake.deliver();
    await answers.next(2);
    const [slept, delivered] = answers.held;
    delivered?.writeHead(204).end();
    expect(await delivering).toBe(1);
    slept?.writeHead(410).end();
    expect(await sleeping).toBe(0);
    expect(await subscription()).toMatchObject({ status: 'active', attempts: 0 });
    expect((await subscription())?.lastFailure).toBeUndefined();
    expect(world.log.ofType('event.delivery-suspended')).toEqual([]);
  });

  it('continue at once when one was stopped, without waiting for its lease', async () => {
    await subscribe();
    const ids = Array.from({ length: 3 }, () => world.mandate().record.id);
    const answers = heldAnswers(receiver);
    const leaving = world.node();
    const turn = leaving.deliver();
    await answers.next(1);
    const stopped = leaving.stop();
    answers.giveAll();
    await stopped;
    expect(await turn).toBe(1);
    expect(await leaving.deliver()).toBe(0);
    receiver.answer(204);
    expect(await world.node().deliver()).toBe(2);
    expect(receiver.ids()).toEqual(ids);
  });

  let letGo = (): void => undefined;
  const never = <Value>(value: Value) =>
    new Promise<Value>((resolve) => {
      letGo = () => resolve(value);
    });
  async function untilReceived(count: number): Promise<void> {
    while (receiver.received.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  }
});

describe('a slow receiver', () => {
  it('delays nobody else', async () => {
    const slow = await startReceiver();
    const answers = heldAnswers(slow);
    await subscribe(leis.broker, slow.url);
    await subscribe();
    const ids = [world.mandate().record.id];
    const stuck = world.events.deliver();
    await answers.next(1);
    // Its turn takes long; the other institution's are served meanwhile.
    for (let round = 0; round < 3; round++) {
      ids.push(world.mandate().record.id);
      while (receiver.received.length < ids.length) {
        await world.events.deliver();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    expect(receiver.ids()).toEqual(ids);
    expect(slow.received).toHaveLength(1);
    slow.answer(204);
    answers.giveAll();
    await stuck;
    await slow.close();
  });

  it('has a turn of ten seconds, and is then queued behind others', async () => {
    await subscribe();
    const ids = Array.from({ length: 6 }, () => world.mandate().record.id);
    receiver.answer((_, response) => {
      world.clock.advance(4_000);
      response.writeHead(204).end();
    });
    expect(await world.events.deliver()).toBe(3);
    expect(await world.events.deliver()).toBe(3);
    expect(receiver.ids()).toEqual(ids);
  });

  it('with many subscriptions takes four turns of all nodes together', async () => {
    const answers = heldAnswers(receiver);
    for (let count = 0; count < 10; count++) await subscribe(leis.fund, `${receiver.url}&number=${count}`);
    world.mandate();
    const turns = [world.events.deliver()];
    await answers.next(4);
    turns.push(world.node().deliver(), world.events.deliver());
    await Promise.all(turns.slice(1));
    expect(answers.held).toHaveLength(4);
    receiver.answer(204);
    answers.giveAll();
    await Promise.all(turns);
    while ((await world.events.deliver()) > 0);
    expect(receiver.received).toHaveLength(10);
  });
});
