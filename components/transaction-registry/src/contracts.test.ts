import { describeComponent, describeTransactionRegistry } from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import { actor, broker, stranger } from '../../consent-store/src/testing/firms.ts';
import { tradeOrder } from '../../consent-store/src/testing/trade-order.ts';
import { type ApprovingWorld, createApprovingWorld } from './testing/approving-world.ts';
import { supervisor, trader } from './testing/trading-world.ts';

let world: ApprovingWorld;
beforeAll(async () => {
  world = await createApprovingWorld();
});
afterAll(() => world.close());

describeComponent(describeTransactionRegistry, async () => {
  const { root, registry } = world;
  return {
    contract: registry,
    opening: (idempotencyKey, quantity = '1000') => ({
      detail: tradeOrder(root.id, { idempotency_key: idempotencyKey, max_qty: quantity }),
      mandate: { id: root.id, version: root.version, recordId: root.recordId },
      initiator: actor(trader),
      client: 'broker-oms',
    }),
    step: { institution: broker, event: 'submit', scope: 'order:create' },
    stranger,
    async submit(id) {
      const facts = await registry.facts(id);
      if (facts === undefined) throw new Error('there is no such transaction');
      const detail = tradeOrder(root.id, { idempotency_key: String(facts.intent['idempotency_key']) });
      const opened = await world.begun({
        ...{ detail, mandate: { id: root.id, version: root.version, recordId: root.recordId } },
        ...{ initiator: actor(trader), client: 'broker-oms' },
      });
      return world.report(opened.id, 'submit');
    },
    async awaiting() {
      const order = await world.open(root, { max_notional: { amount: '1500000', ccy: 'EUR' } });
      // The approval view asks the policies, so their requirement is known from then on.
      await registry.approvalView(order.id, broker);
      return { ...order, approver: supervisor.id };
    },
  };
});
