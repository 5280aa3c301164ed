import { isCodedError } from '@countersign/kernel';
import { expect, it } from 'vitest';
import { createReadingTurns } from './turns.ts';

/** Work that ends on request. */
function work() {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const one = {
    started: false,
    end: () => end(),
    do(): Promise<void> {
      one.started = true;
      return ended;
    },
  };
  return one;
}
const settled = () => new Promise(setImmediate);

it('allows two reads at once per institution, and four overall', async () => {
  const turns = createReadingTurns();
  const works = Object.fromEntries(['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map((name) => [name, work()]));
  const started = () => Object.entries(works).flatMap(([name, one]) => (one.started ? [name] : []));
  const all = Object.entries(works).map(([name, one]) => turns.take(name.slice(0, 1), one.do));
  await settled();
  expect(started()).toEqual(['a1', 'a2', 'b1', 'b2']);
  works['b1']?.end();
  await settled();
  // The third of the first institution came earlier, but two of its reads are still running.
  expect(started()).toEqual(['a1', 'a2', 'b1', 'b2', 'c1']);
  works['a2']?.end();
  await settled();
  expect(started()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1']);
  for (const one of Object.values(works)) one.end();
  await Promise.all(all);
});

it('continues when a read fails, and asks an institution with too many waiting to retry', async () => {
  const turns = createReadingTurns();
  const held = work();
  const held2 = work();
  const first = [turns.take('a', held.do), turns.take('a', held2.do)];
  const waiting = Array.from({ length: 32 }, () => turns.take('a', () => Promise.reject(new Error('it failed'))));
  const outcomes = Promise.allSettled(waiting);
  const refused: unknown = await turns.take('a', async () => 1).catch((error: unknown) => error);
  expect(isCodedError(refused, 'overloaded')).toBe(true);
  // It does not block others.
  expect(await turns.take('b', async () => 'read')).toBe('read');
  held.end();
  held2.end();
  await Promise.all(first);
  expect(new Set((await outcomes).map(({ status }) => status))).toEqual(new Set(['rejected']));
  expect(await turns.take('a', async () => 'read')).toBe('read');
});
