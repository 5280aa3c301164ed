import type { MandateId } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configurationIn, type RunningControlPlane, runControlPlane } from '../testing/control-plane.ts';
import { refusalBy } from '../testing/refusal.ts';
import { scratchFolder } from '../testing/scratch-folder.ts';
import { claimsOf, mandateTerms, openTrading, type Trading } from '../testing/trading.ts';

// The token endpoint opens the transaction before it decides, so that others can approve it. If it then refuses the token,
// nobody can carry the transaction out, whatever tokens the broker has.

const folder = scratchFolder();
let controlPlane: RunningControlPlane;
let trading: Trading;
let mandate: MandateId;
beforeAll(async () => {
  controlPlane = await runControlPlane(await configurationIn(folder.path));
  trading = await openTrading(controlPlane);
  const most = { amount: '50000000', ccy: 'EUR' };
  mandate = await trading.propose('am-mandates', mandateTerms({ notionalPerOrder: most, notionalPerDay: most }));
  await trading.accept('ha-mandates', mandate);
});
afterAll(async () => {
  await trading?.stop();
  await controlPlane?.stop();
  folder.remove();
});

/** An order so large that its token requires a hardware key, just used. */
const veryLarge = () => trading.order(mandate, { max_qty: '120000', max_notional: { amount: '12150000', ccy: 'EUR' } });
const reasonsIn = (facts: unknown) =>
  ((facts as { readonly reasons?: readonly { readonly code: string }[] } | undefined)?.reasons ?? []).map(
    ({ code }) => code,
  );

describe('an order whose token was refused for its sign-in', () => {
  it('is not submitted by the broker, is denied by the decision point, and both are recorded', async () => {
    const order = veryLarge();
    const refused = await refusalBy(() => trading.traderToken(order));
    expect(refused.facts).toMatchObject({ reason: 'step_up_very_large', txn: expect.any(String) });
    const transaction = String(refused.facts?.['txn']);

    const submitted = await refusalBy(() =>
      trading.transition('brk-orders', 'submit', transaction, `s-${transaction}`),
    );
    expect(submitted.code).toBe('transition_not_permitted');
    expect(reasonsIn(submitted.facts)).toEqual(['intent_not_permitted']);
    const answer = await trading.evaluate(transaction);
    expect(answer.decision).toBe(false);
    expect(answer.context.reasons.map(({ code }) => code)).toEqual(['intent_not_permitted']);

    const records = await controlPlane.operator.records({ transaction });
    expect(records.map(({ type, outcome }) => `${type} ${outcome}`)).toEqual([
      'transaction.opened done',
      'token.refused deny',
      // The broker's own token, for the step.
      'token.issued permit',
      'transaction.refused deny',
      'decision.made deny',
    ]);
  });

  it('continues once its trader has stepped up: then only the approvals are missing', async () => {
    const order = veryLarge();
    const transaction = String((await refusalBy(() => trading.traderToken(order))).facts?.['txn']);
    const acr = { claims: { acr: 'phrh', auth_time: Math.floor(Date.now() / 1000) - 5 } };
    const token = await trading.traderToken(order, await trading.assertion(acr));
    expect(claimsOf(token)['txn']).toBe(transaction);
    const submitted = await refusalBy(() =>
      trading.transition('brk-orders', 'submit', transaction, `s-${transaction}`),
    );
    expect(submitted.code).toBe('approval_required');
    const answer = await trading.evaluate(transaction);
    const found = answer.context.reasons.map(({ code }) => code);
    expect(found).toContain('approval_very_large');
    expect(found).not.toContain('step_up_very_large');
  });
});
