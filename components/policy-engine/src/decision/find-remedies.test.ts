import type { TransactionFacts } from '@countersign/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningPolicyEngine } from '../index.ts';
import { own, stepQuestion, transactionOf } from '../testing/desk.ts';
import { createEngineRig, type EngineRig } from '../testing/engine-rig.ts';

const policies = `
@id("everything") permit (principal, action, resource);

// The remedy of the second makes the approval for the first unnecessary.
@id("agreed-or-strong") @remedy("approval desk-head 1") @escalation("risk 60")
forbid (principal, action == Action::"order:create", resource)
unless { resource.approvals.desk_head >= 1 || (context has acr && context.acr == "phrh") };
@id("strong") @remedy("step-up phrh 300")
forbid (principal, action == Action::"order:create", resource)
unless { context has acr && context.acr == "phrh" };

// Both ask for a sign-in, and the stronger satisfies the other.
@id("stronger") @remedy("step-up phrh 300")
forbid (principal, action == Action::"rfq:create", resource)
unless { context has acr && context.acr == "phrh" && context has authAgeSeconds && context.authAgeSeconds <= 300 };
@id("weaker") @remedy("step-up phr 60")
forbid (principal, action == Action::"rfq:create", resource)
unless {
  context has acr && ["phr", "phrh"].contains(context.acr) && context has authAgeSeconds && context.authAgeSeconds <= 60
};

@id("agreed") @remedy("approval supervisor 2") @escalation("desk-head 60")
forbid (principal, action == Action::"rfq:accept", resource) unless { resource.approvals.supervisor >= 2 };

// One of several alternatives, which asks fewer people.
@id("two-or-the-head") @remedy("approval desk-head 1; approval supervisor 2")
forbid (principal, action == Action::"trade:affirm", resource)
unless { resource.approvals.desk_head >= 1 || resource.approvals.supervisor >= 2 };

@id("one-or-both") @remedy("approval compliance 1; approval operations 1; approval risk 1; step-up phr 60")
forbid (principal, action == Action::"settlement:instruct", resource)
unless {
  resource.approvals.compliance >= 1 ||
  (resource.approvals.operations >= 1 && resource.approvals.risk >= 1) ||
  (resource.approvals.risk >= 1 && context has acr && context.acr == "phr")
};

// Escalation is possible for either of the two.
@id("two-of-either") @remedy("approval operations 2") @escalation("risk 60")
forbid (principal, action == Action::"withdrawal:request", resource)
unless { resource.approvals.operations + resource.approvals.risk >= 2 };

// Two ask for the same role with different escalations.
@id("seen") @remedy("approval operations 1") @escalation("risk 60, compliance 120")
forbid (principal, action == Action::"allocation:propose", resource) unless { resource.approvals.operations >= 1 };
@id("seen-again") @remedy("approval operations 2") @escalation("desk-head 10, risk 30, compliance 240")
forbid (principal, action == Action::"allocation:propose", resource) unless { resource.approvals.operations >= 2 };

// The one approval that the second asks for replaces most of those of the first.
@id("many-or-the-head") @remedy("approval desk-head 1; approval supervisor 5")
forbid (principal, action == Action::"settlement:release", resource)
unless { resource.approvals.desk_head >= 1 || resource.approvals.supervisor >= 5 };
@id("a-supervisor") @remedy("approval supervisor 1")
forbid (principal, action == Action::"settlement:release", resource) unless { resource.approvals.supervisor >= 1 };`;

let rig: EngineRig;
let engine: RunningPolicyEngine;
beforeAll(async () => {
  rig = await createEngineRig({ policies });
  engine = await rig.start();
});
afterAll(() => rig.close());

const obligationsOf = async (action: string, changes: Partial<TransactionFacts> = {}) =>
  (await engine.decide(stepQuestion(action, transactionOf('trade_order', changes)))).obligations;

describe('the remedy for a denial', () => {
  it('leaves out what its other parts make unnecessary', async () => {
    expect(await obligationsOf('order:create')).toEqual([{ kind: 'step-up', acr: 'phrh', maxAgeSeconds: 300 }]);
  });

  it('asks the fewest people, whatever their roles are called', async () => {
    const approval = (role: string) => ({ kind: 'approval', role, count: 1, escalation: [] });
    expect(await obligationsOf('trade:affirm')).toEqual([approval('desk-head')]);
    expect(await obligationsOf('settlement:instruct')).toEqual([approval('compliance')]);
    expect(await obligationsOf('settlement:release')).toEqual([approval('desk-head'), approval('supervisor')]);
  });

  it('counts the existing approvals as given', async () => {
    const standing = (role: string, ...approvers: readonly string[]) => ({
      approvals: approvers.map((approver) => ({ approver: `person:${approver}`, role, institution: own })),
    });
    // A sign-in asks nothing of other people.
    expect(await obligationsOf('settlement:instruct', standing('risk', 'rita'))).toEqual([
      { kind: 'step-up', acr: 'phr', maxAgeSeconds: 60 },
    ]);
    expect(await obligationsOf('settlement:release', standing('supervisor', 'sue', 'sam', 'sid', 'sol'))).toEqual([
      { kind: 'approval', role: 'desk-head', count: 1, escalation: [] },
    ]);
  });

  it('asks one approval fewer for each that somebody else has given by escalation', async () => {
    const standing = (...roles: readonly string[]) => ({
      approvals: roles.map((role, place) => ({ approver: `person:${place}`, role, institution: own })),
    });
    const missing = async (...roles: readonly string[]) =>
      (await obligationsOf('withdrawal:request', standing(...roles))).map(
        (each) => each.kind === 'approval' && each.count,
      );
    expect(await missing()).toEqual([2]);
    expect(await missing('risk')).toEqual([1]);
    expect(await missing('operations')).toEqual([1]);
    expect(await missing('risk', 'operations')).toEqual([]);
  });

  it('escalates to the roles that all policies name, and not before all of them do', async () => {
    expect(await obligationsOf('allocation:propose')).toEqual([
      {
        kind: 'approval',
        role: 'operations',
        count: 2,
        escalation: [
          { role: 'risk', afterSeconds: 60 },
          { role: 'compliance', afterSeconds: 240 },
        ],
      },
    ]);
  });

  it('never asks software for a sign-in, nor for an approval that is no longer possible, if there is another way', async () => {
    const rita = { approvals: [{ approver: 'person:rita', role: 'risk', institution: own }] };
    const withAgent = await obligationsOf('settlement:instruct', { ...rita, initiator: 'agent:vwap' });
    expect(withAgent).toEqual([{ kind: 'approval', role: 'compliance', count: 1, escalation: [] }]);
    expect(await obligationsOf('order:create', { initiator: 'agent:vwap' })).toEqual([]);
    expect(await obligationsOf('settlement:instruct', { ...rita, state: 'settled' })).toEqual([
      { kind: 'step-up', acr: 'phr', maxAgeSeconds: 60 },
    ]);
  });

  it('asks for one sign-in that satisfies all policies', async () => {
    expect(await obligationsOf('rfq:create')).toEqual([{ kind: 'step-up', acr: 'phrh', maxAgeSeconds: 60 }]);
  });

  it('names the missing approvals as long as the registry accepts any', async () => {
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
