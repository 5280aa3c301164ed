import { describe, expect, it } from 'vitest';
import {
  completingScopesIn,
  intentNames,
  statesOf,
  stepsInTurn,
} from '../../components/policy-engine/src/matrix/lives.ts';
import {
  lifeCycles,
  type NextStep,
  nextSteps,
  stateRuleOf,
  stepsOf,
} from '../../components/transaction-registry/src/life-cycles/index.ts';
import { startsNewRisk } from '../../components/transaction-registry/src/life-cycles/life-cycle.ts';

// The authority matrix covers every intent in each of its states, which the registry defines.

describe('the authority matrix and the life cycles', () => {
  it('have the same kinds of intent', () => {
    expect(intentNames.map((name) => `urn:countersign:rar:v1:${name}`)).toEqual(
      Object.values(lifeCycles).map(({ intentType }) => intentType),
    );
  });

  it.each(Object.values(lifeCycles).map((cycle) => [cycle.name, cycle] as const))(
    'have the same states of %s, and the same steps that complete it',
    (_, cycle) => {
      const name = intentNames.find((each) => cycle.intentType.endsWith(`:${each}`));
      if (name === undefined) throw new Error(`the matrix has no ${cycle.intentType}`);
      expect(statesOf(name)).toEqual(Object.keys(cycle.states));
      for (const state of Object.keys(cycle.states) as (keyof typeof cycle.states)[]) {
        const rules = nextSteps(cycle, state).map(({ rule }) => rule);
        const begin = new Set(
          rules.filter((rule) => startsNewRisk(rule, stateRuleOf(cycle, state))).map(({ scope }) => scope),
        );
        const carried = [...new Set(rules.map(({ scope }) => scope))].filter((scope) => !begin.has(scope));
        expect(completingScopesIn(name, state), state).toEqual(carried);
      }
    },
  );

  it.each(Object.values(lifeCycles).map((cycle) => [cycle.name, cycle] as const))(
    'take the same steps of %s from the same states',
    (_, cycle) => {
      const name = intentNames.find((each) => cycle.intentType.endsWith(`:${each}`));
      if (name === undefined) throw new Error(`the matrix has no ${cycle.intentType}`);
      const statesIn = (rules: readonly NextStep[], scope: string) => [
        ...new Set(rules.filter(({ rule }) => rule.scope === scope).flatMap(({ rule }) => rule.from)),
      ];
      const steps = stepsOf(cycle);
      const decided = steps.filter(({ rule }) => rule.decided);
      const inTurn = stepsInTurn[name];
      for (const { rule } of decided) expect(inTurn[rule.scope], rule.scope).toEqual(statesIn(decided, rule.scope));
      for (const [scope, states] of Object.entries(inTurn))
        expect(statesIn(steps, scope), scope).toEqual(expect.arrayContaining([...states]));
    },
  );
});
