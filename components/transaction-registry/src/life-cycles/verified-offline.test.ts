import { transactionLives } from '@countersign/evidence';
import { expect, it } from 'vitest';
import { lifeCycles, stepsOf } from './life-cycles.ts';

it('is verified offline by the same steps as it is lived by', () => {
  const lived = Object.values(lifeCycles).map((cycle) => [
    cycle.intentType,
    Object.fromEntries(
      stepsOf(cycle).map(({ event, rule: { from, to, scope, decided, mandates } }) => [
        event,
        {
          from,
          to,
          scope,
          ...(decided ? { decided } : {}),
          ...(mandates.length > 0 ? { underMandate: true } : {}),
        },
      ]),
    ),
  ]);
  expect(transactionLives).toEqual(Object.fromEntries(lived));
});
