import { describeComponent, describePolicyEngine } from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import type { RunningPolicyEngine } from './index.ts';
import { stepQuestion, transactionOf, worth } from './testing/desk.ts';
import { createEngineRig, type EngineRig } from './testing/engine-rig.ts';

let rig: EngineRig;
let engine: RunningPolicyEngine;
beforeAll(async () => {
  rig = await createEngineRig();
  engine = await rig.start();
});
afterAll(() => rig.close());

/** A trader's order for the firm itself, without an algorithm. */
const placing = (notional: string) =>
  stepQuestion('order:create', transactionOf('trade_order', { drop: ['algo', 'limit_price'], set: worth(notional) }));

describeComponent(describePolicyEngine, async () => ({
  contract: engine,
  permitted: placing('900000'),
  denied: () => placing('60000000'),
  recorded: () => rig.records.length,
}));
