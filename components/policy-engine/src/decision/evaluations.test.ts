import { type EvaluationRequest, policyErrors, type RecordedAnswer } from '@countersign/contracts';
import { describe, expect, it } from 'vitest';
import { evaluateSeveral } from './evaluations.ts';

const asking = (id: string): EvaluationRequest => ({
  subject: { type: 'person', id },
  action: { name: 'order:create' },
  resource: { type: 'transaction', id: 'txn_1' },
});
const answer = (decision: boolean) => ({ decision }) as RecordedAnswer;
const many = Array.from({ length: 100 }, (_, index) => asking(String(index)));

describe('a batch of evaluations', () => {
  it('runs at most thirty-two at once and answers in order', async () => {
    let underWay = 0;
    let most = 0;
    const outcomes = await evaluateSeveral({ evaluations: many, semantic: 'execute_all' }, async ({ subject }) => {
      most = Math.max(most, ++underWay);
      // Later ones finish sooner.
      for (let turn = Number(subject.id) % 7; turn < 7; turn++) await new Promise(setImmediate);
      underWay--;
      return { ...answer(true), id: subject.id as RecordedAnswer['id'] };
    });
    expect(most).toBe(32);
    expect(outcomes).toEqual(many.map(({ subject }) => ({ decision: true, id: subject.id })));
  });

  it.each(['deny_on_first_deny', 'permit_on_first_permit'] as const)(
    'runs one after the other with %s',
    async (semantic) => {
      let underWay = 0;
      await evaluateSeveral({ evaluations: many, semantic }, async () => {
        expect(++underWay).toBe(1);
        await new Promise(setImmediate);
        underWay--;
        return answer(semantic === 'deny_on_first_deny');
      });
      expect(underWay).toBe(0);
    },
  );

  it('starts no more after one has failed unexpectedly', async () => {
    let begun = 0;
    const failing = evaluateSeveral({ evaluations: many, semantic: 'execute_all' }, async () => {
      if (++begun === 3) throw policyErrors.error('policy_behind', 'Not yet.');
      await new Promise(setImmediate);
      return answer(true);
    });
    await expect(failing).rejects.toMatchObject({ code: 'policy_behind' });
    await new Promise(setImmediate);
    expect(begun).toBe(32);
  });

  it('is empty for no evaluations', async () => {
    const never = async () => Promise.reject(new Error('asked'));
    expect(await evaluateSeveral({ evaluations: [], semantic: 'execute_all' }, never)).toEqual([]);
    expect(await evaluateSeveral({ evaluations: [], semantic: 'deny_on_first_deny' }, never)).toEqual([]);
  });
});
