import type { Obligation } from '@countersign/contracts';
import { describe, expect, it } from 'vitest';
import { obligationsOf, readSupportedObligations } from './answers.ts';

const approval: Obligation = {
  kind: 'approval',
  role: 'supervisor',
  count: 2,
  escalation: [{ role: 'desk-head', afterSeconds: 1800 }],
};
const stepUp: Obligation = { kind: 'step-up', acr: 'phrh', maxAgeSeconds: 300 };

describe('obligations', () => {
  it('follow the profile, each with its own id', () => {
    expect(obligationsOf([approval, stepUp, { kind: 'step-up', acr: 'phr' }])).toStrictEqual([
      {
        id: 'obl-1',
        type: 'custom',
        properties: {
          vendor: 'countersign',
          action: 'approval',
          role: 'supervisor',
          count: 2,
          escalation: [{ role: 'desk-head', after_seconds: 1800 }],
        },
      },
      { id: 'obl-2', type: 'step-up', properties: { acr_value: 'phrh', max_age: 300 } },
      { id: 'obl-3', type: 'step-up', properties: { acr_value: 'phr' } },
    ]);
  });

  it('leave out what the enforcement point cannot do', () => {
    const types = (declared: unknown) =>
      obligationsOf([approval, stepUp], readSupportedObligations({ supported_obligations: declared as never })).map(
        (obligation) => (obligation as { readonly type: string }).type,
      );
    expect(types(['step-up'])).toEqual(['step-up']);
    expect(types(['custom', 'notification'])).toEqual(['custom']);
    expect(types(['notification', '__proto__', 7, null])).toEqual([]);
    expect(types([])).toEqual([]);
    // Anything but a list is ignored.
    for (const nothing of [undefined, null, 'step-up', { 0: 'step-up' }]) expect(types(nothing)).toHaveLength(2);
    expect(readSupportedObligations(undefined)).toBeUndefined();
  });
});
