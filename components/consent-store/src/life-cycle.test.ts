import { mandateStatuses } from '@countersign/contracts';
import { expect, it } from 'vitest';
import { describeLifeCycle } from './index.ts';

it('the life cycle starts as proposed, reaches every state, and continues from no final state', () => {
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
