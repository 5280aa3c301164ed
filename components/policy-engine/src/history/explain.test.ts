import { createTestDatabase } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findingJson, type LimitFinding } from '../decision/limit-finding.ts';
import { policyEngineMigrations } from '../migrations.ts';
import { createPast, type Past, rulesWith } from '../testing/past-decisions.ts';

let scratch: Awaited<ReturnType<typeof createTestDatabase>>;
let past: Past;
beforeAll(async () => {
  scratch = await createTestDatabase({ components: [policyEngineMigrations] });
});
afterAll(() => scratch.drop());
beforeEach(() => {
  past = createPast(scratch.pool('policy-engine'));
});

describe('explaining a recorded decision', () => {
  it('shows the policies that determined it with their texts, and the data that could be read', async () => {
    const explanation = await past.history.explain(await past.order());
    expect(explanation.policies.map(({ id, determining }) => [id, determining])).toEqual([
      ['traders-place-orders', true],
      ['large-orders', false],
    ]);
    expect(explanation.policies[0]).toMatchObject({ effect: 'permit', text: expect.stringContaining('permit (') });
    expect(explanation.entities).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ uid: { type: 'Person', id: 'person:anna' } }),
        expect.objectContaining({ uid: { type: 'Desk', id: 'NORD/rates' } }),
        expect.objectContaining({ attrs: expect.objectContaining({ approvals: { supervisor: 0 } }) }),
      ]),
    );
    expect(explanation.unmet).toEqual([]);
    expect(explanation.recorded).toMatchObject({ decision: true });
  });

  it('shows the values that a forbid compared', async () => {
    const { unmet } = await past.history.explain(await past.order({ notional: '2000000.5' }));
    expect(unmet).toEqual([
      {
        policyId: 'large-orders',
        effect: 'forbid',
        conditions: [
          {
            text: 'resource.notional.greaterThan(decimal("1000000.0"))',
            outcome: 'true',
            found: ['resource.notional: decimal("2000000.5000")'],
          },
          {
            text: '!(resource.approvals.supervisor >= 1)',
            outcome: 'true',
            found: ['resource.approvals.supervisor: 0'],
          },
        ],
      },
    ]);
  });

  it('shows of the nearest permit only the conditions that were not met', async () => {
    const { unmet } = await past.history.explain(await past.order({ person: 'person:dora' }));
    expect(unmet).toEqual([
      {
        policyId: 'traders-place-orders',
        effect: 'permit',
        conditions: [
          {
            text: 'principal.roles.contains("trader")',
            outcome: 'false',
            found: ['principal.roles: []'],
          },
        ],
      },
    ]);
  });

  it('shows where a condition failed to evaluate', async () => {
    const { unmet } = await past.history.explain(await past.order({ acr: '' }));
    expect(unmet).toMatchObject([
      {
        policyId: 'traders-place-orders',
        conditions: [
          { text: 'context has acr', outcome: 'false', found: ['context.acr: not there'] },
          { outcome: 'error', found: expect.arrayContaining([expect.stringContaining('acr')]) },
        ],
      },
    ]);
  });

  it('shows of a permit held to limits the reading of each, and which was exceeded', async () => {
    const reading = { key: 'trader=person:anna', measure: 'notional', unit: 'EUR', max: '9', amount: '5' } as const;
    const exceeded = { ...reading, limit: 'day', window: 'PT86400S', used: '8', headroom: '1' };
    const passed = { ...reading, limit: 'hour', window: 'PT3600S', used: '7', headroom: '2', overriddenBy: 'risk' };
    const finding: LimitFinding = {
      outcome: 'exceeded',
      readings: [passed, exceeded],
      exceeded: [exceeded],
      approvals: [],
      uncountable: [],
    };
    const record = await past.order({ verdict: { decision: false, determining: [] } });
    past.alter(record, (document) => ({ ...document, limits: findingJson(finding) }));
    expect(await past.history.explain(record)).toMatchObject({
      policies: [{ id: 'traders-place-orders', determining: false }, {}],
      limits: [
        { ...passed, exceeded: false },
        { ...exceeded, exceeded: true },
      ],
      unmet: [],
    });
    expect((await past.history.explain(await past.order())).limits).toEqual([]);
  });

  it('uses the version that decided, not the one in force now', async () => {
    const record = await past.order({ notional: '2000000.0' });
    past.publish(rulesWith('1000000.0', '9000000.0'));
    const { unmet } = await past.history.explain(record);
    expect(unmet[0]?.conditions[0]?.text).toContain('1000000.0');
  });

  it('shows nothing when the policies were not evaluated', async () => {
    const explanation = await past.history.explain(await past.order({ action: 'order:eat' }));
    expect(explanation).toMatchObject({ policies: [], unmet: [], recorded: { decision: false } });
  });

  it('is refused when an input is missing, which it names', async () => {
    const record = await past.order();
    const desk = past.factOf('NORD/rates');
    past.facts.delete(desk);
    await expect(past.history.explain(record)).rejects.toMatchObject({
      code: 'policy_not_loaded',
      facts: { missing: [`entity: Desk ${desk} is not stored`] },
    });
  });
});
