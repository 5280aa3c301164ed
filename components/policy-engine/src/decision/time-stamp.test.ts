import { isCodedError } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBundle, type RunningPolicyEngine } from '../index.ts';
import { stepQuestion, transactionOf } from '../testing/desk.ts';
import { createEngineRig, type EngineRig } from '../testing/engine-rig.ts';
import { recordedDecision } from '../testing/recorded-decision.ts';
import { smallBundle } from '../testing/small-bundle.ts';

const policies = `
@id("orders") @time_stamp("rfc3161") permit (principal, action == Action::"order:create", resource);
@id("all") permit (principal, action, resource);`;

let rig: EngineRig;
let engine: RunningPolicyEngine;
beforeAll(async () => {
  rig = await createEngineRig({ policies });
  engine = await rig.start();
});
afterAll(() => rig.close());

const decide = (action: string) => engine.decide(stepQuestion(action, transactionOf('trade_order')));

describe('@time_stamp of a policy', () => {
  it('is in the decision that the policy permitted, and in its record', async () => {
    const decision = await decide('order:create');
    expect(decision).toMatchObject({ decision: true, determining: ['all', 'orders'], timeStamp: true });
    expect(recordedDecision(decision)).toMatchObject({ time_stamp: true });
  });

  it('is in no decision that other policies permitted', async () => {
    const decision = await decide('rfq:create');
    expect(decision).toMatchObject({ decision: true, determining: ['all'] });
    expect(decision.timeStamp).toBeUndefined();
    expect(Object.keys(recordedDecision(decision) as object)).not.toContain('time_stamp');
  });

  it.each([
    ['of a kind that does not exist', '@id("a") @time_stamp("sundial") permit (principal, action, resource);'],
    ['on a forbid', '@id("a") @time_stamp("rfc3161") forbid (principal, action, resource);'],
  ])('is not published %s', (_, text) => {
    const bundle = { ...smallBundle(), policies: [{ file: 'a.cedar', text }] };
    expect(() => loadBundle(bundle)).toThrow(expect.toSatisfy((error) => isCodedError(error, 'policy_invalid')));
  });
});
