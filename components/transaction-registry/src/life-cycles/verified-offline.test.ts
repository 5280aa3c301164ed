import { transactionLives } from '@countersign/evidence';
import { expect, it } from 'vitest';
import { lifeCycles, stepsOf } from './life-cycles.ts';

it('the offline verifier uses the same steps as the registry', () => {
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
