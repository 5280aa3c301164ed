import { standing } from '@countersign/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { by, createSignalWorld, type SignalWorld } from './signals/testing/signal-world.ts';
import { dyingAfter } from './testing/dying-log.ts';
import { createEventWorld, type EventWorld } from './testing/event-world.ts';
import { leis } from './testing/example-mandate.ts';
import { type Receiver, startReceiver } from './testing/receiver.ts';

// A process dies between a record and its row. The next reader, on any node, completes the row from the record.

const died = 'the process died';
let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
  receiver.answer(202);
});
afterEach(() => receiver.close());

describe('a subscription', () => {
  let world: EventWorld;
  beforeEach(async () => {
    world = await createEventWorld();
  });
  afterEach(() => world.close());

  const who = { id: 'client:ops', institution: leis.fund };
  const wanted = () => ({ institution: leis.fund, url: receiver.url, topics: ['mandate'] });
  const dying = (type: 'event.subscribed' | 'event.unsubscribed' | 'event.delivery-suspended') =>
    world.node({ audit: dyingAfter(world.log, type) });
  const listed = () => world.events.subscriptions(leis.fund);
  const records = () => world.log.entries.flatMap(({ record }) => (record.type.startsWith('event.') ? [record] : []));

  it('that was not written is returned to a repeated request, and starts at its original position', async () => {
    const { record } = world.mandate();
    const { position } = await world.events.read(leis.fund, {});
    const before = { ...wanted(), after: '00000000000000000000' };
    await expect(dying('event.subscribed').subscribe(before, who)).rejects.toThrow(died);
    expect(await listed()).toEqual([]);
    const made = await world.events.subscribe({ ...wanted(), after: position }, who);
    expect(records()).toMatchObject([{ type: 'event.subscribed', data: { subscription: made.id } }]);
    expect(await world.events.deliver()).toBe(1);
    expect(receiver.ids()).toEqual([record.id]);
  });

  it('that was ended but not deleted is gone for every reader, and delivers nothing more', async () => {
    const { id } = await world.events.subscribe(wanted(), who);
    await expect(dying('event.unsubscribed').unsubscribe(leis.fund, id, who)).rejects.toThrow(died);
    world.mandate();
    expect(await world.events.deliver()).toBe(0);
    expect([await listed(), receiver.received]).toEqual([[], []]);
    await expect(world.events.unsubscribe(leis.fund, id, who)).rejects.toMatchObject({
      code: 'subscription_not_found',
    });
    expect(records().map(({ type }) => type)).toEqual(['event.subscribed', 'event.unsubscribed']);
    expect(world.log.ofType('row.rejected')).toEqual([]);
  });

  it('that was suspended and resumed is in its last recorded state, and recorded once', async () => {
    const { id } = await world.events.subscribe(wanted(), who);
    world.mandate();
    receiver.answer(410);
    await dying('event.delivery-suspended').deliver();
    expect(await listed()).toMatchObject([{ id, status: 'suspended' }]);
    await expect(dying('event.subscribed').resume(leis.fund, id, who)).rejects.toThrow(died);
    expect(await listed()).toMatchObject([{ id, status: 'active', attempts: 0 }]);
    await world.events.resume(leis.fund, id, who);
    expect(records().map(({ type }) => type)).toEqual([
      'event.subscribed',
      'event.delivery-suspended',
      'event.subscribed',
    ]);
  });

  it('that was ended is created again, and is one of sixteen when many request the last place at once', async () => {
    for (let number = 0; number < 15; number++)
      await world.events.subscribe({ ...wanted(), url: `https://ops.example/${number}` }, who);
    for (let round = 0; round < 2; round++) {
      const nodes = [world.events, world.node()];
      const made = await Promise.all(
        Array.from({ length: 8 }, (_, index) => nodes[index % 2]?.subscribe(wanted(), who)),
      );
      const [id] = new Set(made.map((one) => one?.id));
      if (id === undefined) throw new Error('none was made');
      expect(await listed()).toHaveLength(16);
      await world.events.unsubscribe(leis.fund, id, who);
    }
    expect(world.log.ofType('event.subscribed')).toHaveLength(17);
  });

  it('whose address is sealed in the log is not completed with another key, but is once the key is back', async () => {
    await expect(dying('event.subscribed').subscribe(wanted(), who)).rejects.toThrow(died);
    const other = world.node({ sealingKey: { bytes: new Uint8Array(32) } });
    await expect(other.subscribe(wanted(), who)).rejects.toMatchObject({ code: 'keystore_locked' });
    expect(await world.events.subscribe(wanted(), who)).toMatchObject({ url: receiver.url });
    expect(JSON.stringify(records())).not.toContain('tenant=7');
  });
});

describe('a stream', () => {
  let world: SignalWorld;
  beforeEach(async () => {
    world = await createSignalWorld();
  });
  afterEach(() => world.close());

  const at = new AbortController().signal;
  const push = 'urn:ietf:rfc:8935' as const;
  const delivery = (url = receiver.url) => ({ method: push, endpoint_url: url, authorization_header: 'Bearer a' });
  const create = (
    body: Parameters<typeof world.signals.streams.create>[0] = { delivery: delivery('https://old.example/') },
  ) => world.signals.streams.create(body, by());
  const dying = () => world.node({ audit: dyingAfter(world.log, 'signal.stream-changed') }).streams;
  const changes = () =>
    world.log.ofType('signal.stream-changed').map(({ data }) => (data as { operation: string }).operation);
  const poll = (id: string) => world.signals.poll(id, { returnImmediately: true }, by(), at);

  it('that was changed but not written is the changed one for every reader, and repeats the change', async () => {
    const { stream_id } = await create();
    const change = { stream_id, description: 'Ours', delivery: delivery() };
    await expect(dying().update(change, by())).rejects.toThrow(died);
    const read = await world.signals.streams.read(leis.fund, stream_id);
    expect(read).toMatchObject({ description: 'Ours', delivery: { endpoint_url: receiver.url } });
    expect(await world.signals.streams.update(change, by())).toEqual(read);
    expect(changes()).toEqual(['create', 'update']);
    expect(JSON.stringify(world.log.ofType('signal.stream-changed'))).not.toMatch(/tenant=7|Ours|Bearer/);
  });

  it('that was replaced but not written is pushed to its new address, without an error', async () => {
    const { stream_id } = await create();
    await expect(dying().replace({ stream_id, delivery: delivery() }, by())).rejects.toThrow(died);
    world.signIn();
    await world.signals.deliver();
    expect(await world.signals.deliver()).toBe(1);
    expect(receiver.received[0]?.headers.authorization).toBe('Bearer a');
    expect(world.log.ofType('row.rejected')).toEqual([]);
  });

  it('that was changed but not written can be polled', async () => {
    const { stream_id } = await create({});
    world.signIn();
    await expect(dying().update({ stream_id, description: 'Ours' }, by())).rejects.toThrow(died);
    const interrupted = { stream_id, events_requested: ['urn:example:none'] };
    expect(Object.keys((await poll(stream_id)).sets)).toHaveLength(1);
    await expect(dying().update(interrupted, by())).rejects.toThrow(died);
    world.signIn();
    expect(Object.keys((await poll(stream_id)).sets)).toHaveLength(1);
    expect(await world.signals.streams.list(leis.fund)).toMatchObject([{ description: 'Ours', events_delivered: [] }]);
  });

  it('continues from the recorded state, whatever is done next', async () => {
    const { stream_id } = await create();
    await expect(dying().update({ stream_id, description: 'Ours' }, by())).rejects.toThrow(died);
    expect(await world.signals.streams.update({ stream_id, delivery: delivery() }, by())).toMatchObject({
      description: 'Ours',
      delivery: { endpoint_url: receiver.url },
    });
  });

  it('that was disabled but not written drops what is waiting, and when enabled what happened meanwhile', async () => {
    const { stream_id } = await create({});
    world.signIn();
    expect(Object.keys((await poll(stream_id)).sets)).toHaveLength(1);
    await expect(dying().setStatus({ stream_id, status: 'disabled', reason: 'Move' }, by())).rejects.toThrow(died);
    expect(await world.signals.streams.status(leis.fund, stream_id)).toEqual({
      ...{ stream_id, status: 'disabled', reason: 'Move' },
    });
    world.signIn();
    await expect(dying().setStatus({ stream_id, status: 'enabled' }, by())).rejects.toThrow(died);
    await world.signals.streams.setStatus({ stream_id, status: 'enabled' }, by());
    expect(await poll(stream_id)).toEqual({ sets: {} });
    world.signIn();
    expect(Object.keys((await poll(stream_id)).sets)).toHaveLength(1);
    expect(changes()).toEqual(['create', 'status', 'status']);
  });

  it('that was paused but not written is paused, and recorded once', async () => {
    const { stream_id } = await create({ delivery: delivery() });
    world.signIn();
    receiver.answer(410);
    await world.node({ audit: dyingAfter(world.log, 'signal.delivery-suspended') }).deliver();
    expect(await world.signals.streams.status(leis.fund, stream_id)).toMatchObject({ status: 'paused' });
    world.clock.advance(60_000);
    expect(await world.signals.deliver()).toBe(0);
    expect(world.log.ofType('signal.delivery-suspended')).toHaveLength(1);
  });

  it('that was deleted but not removed is gone, with everything waiting in it', async () => {
    const { stream_id } = await create({ delivery: delivery() });
    world.signIn();
    await expect(dying().remove(stream_id, by())).rejects.toThrow(died);
    expect(await world.signals.deliver()).toBe(0);
    expect([await world.signals.streams.list(leis.fund), receiver.received]).toEqual([[], []]);
    await expect(world.signals.streams.remove(stream_id, by())).rejects.toMatchObject({ code: 'stream_not_found' });
    expect(changes()).toEqual(['create', 'delete']);
  });

  it('whose row was removed is written from its record by its next reader', async () => {
    const made = await create({ description: 'Ours', events_requested: ['urn:example:none'] });
    await world.scratch.pool('event-publisher').query('delete from signal_streams');
    expect(await world.signals.streams.read(leis.fund, made.stream_id)).toEqual(made);
    expect(await world.signals.streams.list(leis.fund)).toEqual([made]);
  });

  it('that was interrupted when records did not carry it is still deleted', async () => {
    const { stream_id: id } = await create();
    world.log.write({
      type: 'signal.stream-changed',
      standing: [standing(`signal-stream:${id}`, { url: 'https://another.example/' })],
      data: { operation: 'update', stream: id },
    });
    await expect(world.signals.streams.update({ stream_id: id, description: 'b' }, by())).rejects.toMatchObject({
      code: 'authority_unproven',
    });
    await world.signals.streams.remove(id, by());
    expect(await world.signals.streams.list(leis.fund)).toEqual([]);
  });
});
