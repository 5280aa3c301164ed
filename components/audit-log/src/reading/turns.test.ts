import { isCodedError } from '@countersign/kernel';
import { expect, it } from 'vitest';
import { createReadingTurns } from './turns.ts';

/** Work that ends when it is told to. */
function work() {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const one = {
    begun: false,
    end: () => end(),
    do(): Promise<void> {
      one.begun = true;
      return ended;
    },
  };
  return one;
}
const settled = () => new Promise(setImmediate);

it('reads for nobody more than two at once, and four for all', async () => {
  const turns = createReadingTurns();
  const works = Object.fromEntries(['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map((name) => [name, work()]));
  const begun = () => Object.entries(works).flatMap(([name, one]) => (one.begun ? [name] : []));
  const all = Object.entries(works).map(([name, one]) => turns.take(name.slice(0, 1), one.do));
  await settled();
  expect(begun()).toEqual(['a1', 'a2', 'b1', 'b2']);
  works['b1']?.end();
  await settled();
  // The third of the first institution came earlier, and has two before it still.
  expect(begun()).toEqual(['a1', 'a2', 'b1', 'b2', 'c1']);
  works['a2']?.end();
  await settled();
  expect(begun()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1']);
  for (const one of Object.values(works)) one.end();
  await Promise.all(all);
});

it('goes on when a reading fails, and tells who has too many waiting to come again', async () => {
  const turns = createReadingTurns();
  const held = work();
  const held2 = work();
  const first = [turns.take('a', held.do), turns.take('a', held2.do)];
  const waiting = Array.from({ length: 32 }, () => turns.take('a', () => Promise.reject(new Error('it failed'))));
  const outcomes = Promise.allSettled(waiting);
  const refused: unknown = await turns.take('a', async () => 1).catch((error: unknown) => error);
  expect(isCodedError(refused, 'overloaded')).toBe(true);
  // Others are not kept from reading by it.
  expect(await turns.take('b', async () => 'read')).toBe('read');
  held.end();
  held2.end();
  await Promise.all(first);
  expect(new Set((await outcomes).map(({ status }) => status))).toEqual(new Set(['rejected']));
  expect(await turns.take('a', async () => 'read')).toBe('read');
});
