import type { RecordDraft } from '@countersign/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { broker, venue } from '../../consent-store/src/testing/firms.ts';
import { createTradingWorld, type TradingWorld } from './testing/trading-world.ts';

let world: TradingWorld;
beforeAll(async () => {
  world = await createTradingWorld();
});
afterAll(() => world.close());

/** The parts of a draft that every reader of the log may see. */
function openPartOf({ protectedValues, ...draft }: RecordDraft): string {
  return JSON.stringify(draft);
}

const protectedIn = (type: RecordDraft['type']) =>
  world.audit.drafts
    .filter((draft) => draft.type === type)
    .flatMap(({ protectedValues = [] }) => protectedValues.map(({ path, subject }) => `${path} of ${subject}`));

it('records in the open that there was an order and its outcome, but not what was to be traded', async () => {
  const { root } = await world.mandates();
  const order = await world.open(root, { max_qty: '1733', max_notional: { amount: '175677.51', ccy: 'EUR' } });
  await world.report(order.id, 'submit');
  const body = { executed_qty: '1733', price: { amount: '101.3719', ccy: 'EUR' } };
  await world.report(order.id, 'execute', { body });
  // Repeated under another key, which is refused.
  await world.report(order.id, 'execute', { body }).catch(() => undefined);
  const about = world.audit.drafts.filter(({ transaction }) => transaction === order.id);
  expect(about.length).toBeGreaterThan(3);
  for (const draft of about)
    expect([draft.type, /1733|175677\.51|101\.3719|DE0007164600/.exec(openPartOf(draft))?.[0]]).toEqual([
      draft.type,
      undefined,
    ]);
  expect(JSON.stringify(world.recordsOf(order.id))).toContain('101.3719');
});

it('keeps the values of each party under its own name', async () => {
  expect(protectedIn('transaction.opened')).toContain(`/data/intent of ${broker}`);
  const steps = protectedIn('transaction.transitioned');
  expect(steps).toContain(`/data/body of ${venue}`);
  expect(steps.filter((path) => path.startsWith('/data/decision/input'))).not.toEqual([]);
});
