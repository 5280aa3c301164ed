import { describe, expect, it } from 'vitest';
import { readDecisionAnswer } from './decision-answer.ts';

const stepUp = { id: 'obl-1', type: 'step-up', properties: { acr_value: 'phrh', max_age: 300 } };
const approval = {
  id: 'obl-2',
  type: 'custom',
  properties: {
    vendor: 'countersign',
    action: 'approval',
    role: 'supervisor',
    count: 1,
    escalation: [{ role: 'desk-head', after_seconds: 1800 }, 'nonsense'],
  },
};

describe('an answer of the decision point', () => {
  it('is a permit if it says so without obligations', () => {
    expect(readDecisionAnswer({ decision: true, context: { evidence: 'rec_1' } })).toStrictEqual({
      decision: true,
      reasons: [],
      obligations: [],
      evidence: 'rec_1',
    });
    expect(readDecisionAnswer({ decision: true }).decision).toBe(true);
  });

  it.each([
    undefined,
    null,
    'true',
    true,
    [{ decision: true }],
    {},
    { decision: 'true' },
    { decision: 1 },
    { decision: null },
  ])('is a denial when it is %j', (answer) => expect(readDecisionAnswer(answer).decision).toBe(false));

  it('lists what is missing', () => {
    const context = {
      reasons: [{ code: 'approval_required', detail: 'A supervisor must approve.' }, { code: 7 }, null],
      obligations: [approval, stepUp],
    };
    expect(readDecisionAnswer({ decision: false, context })).toStrictEqual({
      decision: false,
      reasons: [{ code: 'approval_required', detail: 'A supervisor must approve.' }],
      obligations: [
        { kind: 'approval', role: 'supervisor', count: 1, escalation: [{ role: 'desk-head', afterSeconds: 1800 }] },
        { kind: 'step-up', acr: 'phrh', maxAgeSeconds: 300 },
      ],
    });
  });

  it.each([
    ['known', [stepUp]],
    ['of an unknown type', [{ id: 'x', type: 'notification', properties: { to: 'a', body: 'b' } }]],
    ['of another vendor', [{ ...approval, properties: { ...approval.properties, vendor: 'other' } }]],
    ['broken', [{ ...stepUp, properties: {} }]],
    ['without properties', [{ id: 'x', type: 'step-up' }]],
    ['no object', ['step-up']],
    ['no list', { 0: stepUp }],
    ['null', null],
  ])('with an obligation that is %s is not a permit', (_, obligations) => {
    const answer = readDecisionAnswer({ decision: true, context: { obligations } });
    expect(answer.decision).toBe(false);
    expect(answer.obligations).toHaveLength(1);
  });
});
