import { describe, expect, it } from 'vitest';
import { drawExplanation, type ExplanationView } from './draw-explanation.ts';

const reading = { measure: 'notional' as const, unit: 'EUR', max: '250', used: '240', amount: '20', headroom: '10' };
const explanation: ExplanationView = {
  recorded: {
    id: 'dec_1',
    policyHash: 'hash',
    errors: [],
    entityVersion: 1,
    input: {},
    decision: false,
    policyVersion: 3,
    determining: [],
    reasons: [{ code: 'limit_exceeded', detail: 'The limit day has 10 EUR left.' }],
    obligations: [],
    inputDigest: 'digest',
  },
  policies: [{ id: 'orders', effect: 'permit', text: 'permit (\n);', determining: false }],
  entities: [],
  limits: [
    { ...reading, limit: 'day', key: 'trader=\u001b[31manna', window: 'PT86400S', exceeded: true },
    { ...reading, limit: 'hour', key: 'trader=anna', window: 'PT3600S', exceeded: false, overriddenBy: 'supervisor' },
    { ...reading, limit: 'order', key: 'trader=anna', window: 'order', exceeded: false },
  ],
  unmet: [],
};

describe('an explanation drawn for a terminal', () => {
  it('shows the usage at which a limit was exceeded, and whose approval released another', () => {
    expect(drawExplanation(explanation)).toEqual([
      'deny  by version 3  input digest',
      '  limit_exceeded  The limit day has 10 EUR left.',
      '',
      'limit day  exceeded',
      '  trader=\\u001b[31manna  PT86400S',
      '    240 of 250 EUR used, 10 left, 20 asked for',
      '',
      'limit hour  overridden by supervisor',
      '  trader=anna  PT3600S',
      '    240 of 250 EUR used, 10 left, 20 asked for',
    ]);
  });

  it('shows the text of a deciding policy, and its conditions with the values found', () => {
    const drawn = drawExplanation({
      entities: [],
      recorded: { ...explanation.recorded, determining: ['large'], reasons: [] },
      policies: [{ id: 'large', effect: 'forbid', text: 'forbid (\n) when { a };', determining: true }],
      limits: [],
      unmet: [
        { policyId: 'large', effect: 'forbid', conditions: [{ text: 'a', outcome: 'true', found: ['a: 7\u202e'] }] },
        { policyId: 'orders', effect: 'permit', conditions: [{ text: 'b', outcome: 'false', found: [] }] },
      ],
    });
    expect(drawn).toEqual([
      'deny  by version 3: large  input digest',
      '',
      '// large',
      'forbid (\n) when { a };',
      '',
      'large  forbids it because',
      '  a  true',
      '    a: 7\\u202e',
      '',
      'orders  would permit it if',
      '  b  false',
    ]);
  });
});
