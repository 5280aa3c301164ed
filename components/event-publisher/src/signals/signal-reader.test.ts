import { afterEach, beforeEach, expect, it } from 'vitest';
import { leis } from '../testing/example-mandate.ts';
import { by, createSignalWorld, type SignalWorld } from './testing/signal-world.ts';

let world: SignalWorld;
beforeEach(async () => {
  world = await createSignalWorld();
});
afterEach(() => world.close());

const at = (stream_id: string) =>
  world.signals.poll(stream_id, { returnImmediately: true }, by(), new AbortController().signal);
const clientAdded = () =>
  world.log.write({
    type: 'directory.applied',
    data: { version: 5, changes: [{ change: 'add', kind: 'client', id: 'new' }] },
  });

it('a change that the directory has not reached yet is waited for, and nothing overtakes it', async () => {
  const { stream_id } = await world.signals.streams.create({}, by());
  const change = clientAdded().record;
  const later = world.signIn();
  await expect(at(stream_id)).rejects.toMatchObject({ code: 'directory_behind' });
  world.directory.clients.set('new', { institution: leis.fund });
  world.directory.moveTo(5);
  const { sets } = await at(stream_id);
  const claims = await Promise.all(Object.values(sets).map((set) => world.verified(set)));
  expect(claims.map(({ txn }) => txn)).toEqual([change.id, later.id]);
});

it('a change that never took effect is skipped after a minute, and later ones arrive', async () => {
  const { stream_id } = await world.signals.streams.create({}, by());
  clientAdded();
  const later = world.signIn();
  world.clock.advance(60_001);
  const { sets } = await at(stream_id);
  const claims = await Promise.all(Object.values(sets).map((set) => world.verified(set)));
  expect(claims.map(({ txn }) => txn)).toEqual([later.id]);
});

it('others’ records are skipped in bounded steps', async () => {
  const { stream_id } = await world.signals.streams.create({}, by());
  for (let count = 0; count < 9_000; count++) world.signIn(leis.stranger, 'person:x');
  const { id } = world.signIn();
  let polls = 0;
  let found: readonly string[] = [];
  for (; found.length === 0 && polls < 10; polls++) {
    const { scans } = world.log.reads;
    const answer = await at(stream_id);
    expect(world.log.reads.scans - scans).toBeLessThanOrEqual(8);
    found = Object.values(answer.sets);
    if (found.length === 0) expect(answer.moreAvailable).toBe(true);
  }
  expect(polls).toBeGreaterThan(1);
  expect((await world.verified(found[0] ?? '')).txn).toBe(id);
});
