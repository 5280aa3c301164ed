import type { TransactionFacts } from '@countersign/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningPolicyEngine } from '../index.ts';
import { own, stepQuestion, transactionOf } from '../testing/desk.ts';
import { createEngineRig, type EngineRig } from '../testing/engine-rig.ts';

const policies = `
@id("everything") permit (principal, action, resource);

// What the second asks of the person makes the approval of the first unnecessary.
@id("agreed-or-strong") @remedy("approval desk-head 1") @escalation("risk 60")
forbid (principal, action == Action::"order:create", resource)
unless { resource.approvals.desk_head >= 1 || (context has acr && context.acr == "phrh") };
@id("strong") @remedy("step-up phrh 300")
forbid (principal, action == Action::"order:create", resource)
unless { context has acr && context.acr == "phrh" };

// Both ask for a sign-in, and whoever satisfies the stronger satisfies the other.
@id("stronger") @remedy("step-up phrh 300")
forbid (principal, action == Action::"rfq:create", resource)
unless { context has acr && context.acr == "phrh" && context has authAgeSeconds && context.authAgeSeconds <= 300 };
@id("weaker") @remedy("step-up phr 60")
forbid (principal, action == Action::"rfq:create", resource)
unless {
  context has acr && ["phr", "phrh"].contains(context.acr) && context has authAgeSeconds && context.authAgeSeconds <= 60
};

@id("agreed") @remedy("approval supervisor 2") @escalation("desk-head 60")
forbid (principal, action == Action::"rfq:accept", resource) unless { resource.approvals.supervisor >= 2 };`;

let rig: EngineRig;
let engine: RunningPolicyEngine;
beforeAll(async () => {
  rig = await createEngineRig({ policies });
  engine = await rig.start();
});
afterAll(() => rig.close());

const obligationsOf = async (action: string, changes: Partial<TransactionFacts> = {}) =>
  (await engine.decide(stepQuestion(action, transactionOf('trade_order', changes)))).obligations;

describe('what is asked of people', () => {
  it('leaves out what the rest of it makes unnecessary', async () => {
    expect(await obligationsOf('order:create')).toEqual([{ kind: 'step-up', acr: 'phrh', maxAgeSeconds: 300 }]);
  });

  it('is one sign-in that satisfies all who ask for one', async () => {
    expect(await obligationsOf('rfq:create')).toEqual([{ kind: 'step-up', acr: 'phrh', maxAgeSeconds: 60 }]);
  });

  it('is the approvals that are missing, as long as the registry takes any', async () => {
    const approvals = [{ approver: 'person:sue', role: 'supervisor', institution: own }];
    const missing = [
      { kind: 'approval', role: 'supervisor', count: 1, escalation: [{ role: 'desk-head', afterSeconds: 60 }] },
    ];
    for (const state of ['intended', 'executed', 'cleared'])
      expect(await obligationsOf('rfq:accept', { approvals, state })).toEqual(missing);
    for (const state of ['submitted', 'settled', 'cancelled'])
      expect(await obligationsOf('rfq:accept', { approvals, state })).toEqual([]);
  });
});
