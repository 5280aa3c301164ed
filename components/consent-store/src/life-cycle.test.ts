import { mandateStatuses } from '@countersign/contracts';
import { expect, it } from 'vitest';
import { describeLifeCycle } from './index.ts';

it('describes a life that begins proposed, reaches every state, and goes on from none that is final', () => {
  const { initial, states, steps } = describeLifeCycle();
  expect(states.map(({ name }) => name)).toEqual(mandateStatuses);
  const reached = new Set([initial]);
  for (let size = 0; size < reached.size; ) {
    size = reached.size;
    for (const { from, to } of steps) if (reached.has(from)) reached.add(to);
  }
  expect(reached).toEqual(new Set(mandateStatuses));
  const final = states.filter((state) => state.final).map(({ name }) => name);
  expect(final).toEqual(['revoked', 'expired']);
  expect(steps.filter(({ from }) => final.includes(from))).toEqual([]);
  expect(steps.filter(({ to }) => to === 'expired').flatMap(({ by }) => by)).toEqual(['time', 'time', 'time']);
});
