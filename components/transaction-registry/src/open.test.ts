import type { OpenedTransaction } from '@countersign/contracts';
import { newId, type RecordId, type TransactionId } from '@countersign/kernel';
import { type AuthorizationDetail, digestOfIntent, intentOf, parseAuthorizationDetail } from '@countersign/market';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examples } from '../../../protocols/market/src/testing/example-details.ts';
import { actor, broker, clearer, venue } from '../../consent-store/src/testing/firms.ts';
import { approvalClaims } from './testing/approver.ts';
import { ofTrade } from './testing/of-trade.ts';
import { createTradingWorld, supervisor, type TradingWorld, trader } from './testing/trading-world.ts';

let world: TradingWorld;
/** An executed order of the broker, 800 at 119.5 EUR, and the record of its execution. */
let trade: TransactionId;
let execution: RecordId;
beforeAll(async () => {
  world = await createTradingWorld();
  trade = (await world.reach('submit', 'execute')).transaction.id;
  execution = (await world.registry.history(trade)).at(-1)?.recordId ?? expect.fail('nothing was executed');
});
afterAll(() => world.close());

const coded = (code: string) => expect.objectContaining({ code });
const kinds = Object.keys(examples) as (keyof typeof examples)[];
const others = kinds.filter((kind) => kind !== 'trade_order');

/** An intent of this kind, initiated by the broker's trader for the broker. */
async function begin(kind: keyof typeof examples, changes: object = {}) {
  const { root } = await world.mandates();
  const parsed = parseAuthorizationDetail({
    ...examples[kind],
    ...ofTrade(kind, trade),
    mandate_id: root.id,
    entity_lei: broker,
    idempotency_key: world.next('intent'),
    not_after: '2026-06-15T18:00:00Z',
    ...changes,
  });
  if (!parsed.ok) throw new Error(`${parsed.path}: ${parsed.detail}`);
  const detail = parsed.value;
  const open = (asked: AuthorizationDetail = detail): Promise<OpenedTransaction> =>
    world.registry.open({
      detail: asked,
      mandate: { id: root.id, version: root.version, recordId: root.recordId },
      initiator: actor(trader),
      client: 'broker-oms',
    });
  return { root, detail, open, opened: await open() };
}

const recordsOf = (id: TransactionId, type: string) => world.recordsOf(id).filter((record) => record.type === type);

describe('opening a transaction for an intent of any type', () => {
  it.each(kinds)('opens one for a %s, recorded with the intent, and finds it again', async (kind) => {
    const { root, detail, open, opened } = await begin(kind);
    expect(opened).toMatchObject({ state: 'intended', intentDigest: digestOfIntent(detail) });
    expect(await open()).toEqual(opened);
    expect(recordsOf(opened.id, 'transaction.opened')).toMatchObject([
      {
        id: opened.recordId,
        intent: opened.intentDigest,
        references: 'trade_id' in detail || 'trade_ids' in detail ? [root.recordId, execution] : [root.recordId],
        subject: actor(trader),
        data: { intent: intentOf(detail), intent_type: detail.type },
      },
    ]);
    expect(await world.registry.facts(opened.id)).toMatchObject({
      state: 'intended',
      intentType: detail.type,
      intent: intentOf(detail),
      initiatorInstitution: broker,
    });
  });

  it.each(kinds)(
    'refuses a %s under a key that belongs to another, and one whose deadline has passed',
    async (kind) => {
      const { detail, open } = await begin(kind);
      await expect(open({ ...detail, jurisdiction: 'FR' } as AuthorizationDetail)).rejects.toThrow(
        coded('idempotency_conflict'),
      );
      await expect(open({ ...detail, not_after: '2026-06-15T10:00:00Z' })).rejects.toThrow(coded('intent_expired'));
    },
  );

  // Collateral is pledged first: no earlier step needs an approval.
  it.each(kinds.filter((kind) => kind !== 'collateral_transfer'))('accepts the approval of a %s', async (kind) => {
    const { opened } = await begin(kind);
    const key = world.keyOf(supervisor);
    const approval = await world.registry.approve(
      opened.id,
      key.sign(approvalClaims(supervisor, opened, world.clock.now())),
    );
    expect(approval).toMatchObject({ transaction: opened.id, intentDigest: opened.intentDigest });
  });

  it.each(others)('refuses a step of another life cycle for a %s, and records the attempt', async (kind) => {
    const { opened } = await begin(kind);
    for (const event of ['clear', 'execute'] as const)
      await expect(world.report(opened.id, event, { institution: broker })).rejects.toThrow(
        coded('intent_not_supported'),
      );
    expect(recordsOf(opened.id, 'transaction.refused')).toMatchObject([
      { outcome: 'deny', reason: 'intent_not_supported', data: { event: 'clear' } },
      { outcome: 'deny', reason: 'intent_not_supported', data: { event: 'execute' } },
    ]);
    expect(await world.registry.facts(opened.id)).toMatchObject({ state: 'intended', version: 0 });
  });

  it('is invisible to parties that the intent only names', async () => {
    const settlement = await begin('settlement_instruction', { receiver: { lei: clearer, account: 'CASH-9' } });
    const quotes = await begin('rfq', {
      counterparties_lei: [clearer],
      parties: [{ role: 'ExecutionFacility', lei: venue }],
    });
    for (const { opened } of [settlement, quotes])
      await expect(world.report(opened.id, 'clear', { institution: clearer })).rejects.toThrow(
        coded('transaction_not_found'),
      );
    await expect(world.report(quotes.opened.id, 'execute', { institution: venue })).rejects.toThrow(
      coded('intent_not_supported'),
    );
  });

  it('finds none that was not opened', async () => {
    expect(await world.registry.facts(newId('transaction', world))).toBeUndefined();
  });
});
