import { intentDigestOf } from '@countersign/kernel';
import { intentOf } from '@countersign/market';
import { type Access, refusalOf } from '@countersign/sdk';
import { authorizedOrder, type Firm, refusal, startFirm, type TradeOrder } from './firm.ts';

interface OrderMessage {
  /** The order as the client's system wrote it. It must match the order in the token. */
  readonly order: TradeOrder;
}

interface Execution {
  readonly execution_id: string;
  readonly executed_qty: string;
  readonly price: { readonly amount: string; readonly ccy: string };
}

/** The executing broker: accepts orders, executes them at the venue, and passes them to clearing. */
function broker(firm: Firm): void {
  // Working state for the next steps, in memory. It proves nothing.
  const executed = new Map<
    string,
    { readonly access: Access; readonly order: TradeOrder; readonly execution: Execution }
  >();

  firm.post<OrderMessage>('/orders', 'order:create', async ({ order }, access) => {
    const authorized = authorizedOrder(access);
    const { txn, intent_digest: digest, sub } = access.claims;
    // The digest proves that the received order equals the authorised one in every field.
    if (txn === undefined || intentDigestOf(intentOf(order)) !== digest)
      throw refusal('order_differs', 'forbidden', 'The order is not the one that the token was issued for.');
    const decision = await firm.controlPlane.evaluate({
      subject: { type: sub.slice(0, sub.indexOf(':')), id: sub },
      action: 'order:create',
      transaction: txn,
      context: { client: access.claims.client_id, scope: access.claims.scope },
    });
    if (!decision.decision)
      throw refusal(
        decision.obligations.some(({ kind }) => kind === 'approval')
          ? 'approval_required'
          : (decision.reasons[0]?.code ?? 'denied'),
        'forbidden',
        decision.reasons.map(({ detail }) => detail).join(' '),
        { transaction: txn, intent_digest: digest, obligations: decision.obligations, evidence: decision.evidence },
      );
    await firm.controlPlane.transition({
      transaction: txn,
      event: 'submit',
      idempotencyKey: `submit-${authorized.client_order_id}`,
      body: {},
    });
    const execution = await sendToVenue(firm, access, authorized);
    executed.set(txn, { access, order: authorized, execution });
    return { transaction: txn, state: 'executed', execution };
  });

  firm.app.post('/orders/:transaction/hand-over', async (request, reply) => {
    const { transaction } = request.params as { transaction: string };
    const trade = executed.get(transaction);
    if (trade === undefined)
      throw refusal('order_unknown', 'not-found', 'No executed order of this transaction is held here.');
    void reply.status(201);
    return handToClearing(firm, trade);
  });
}

/** Exchanges the token for a narrower one: the venue may only execute. */
async function sendToVenue(firm: Firm, access: Access, order: TradeOrder): Promise<Execution> {
  const venue = firm.peer('venue');
  const token = await firm.client.exchange(access.accessToken, {
    resource: venue,
    scope: 'order:create',
    authorizationDetails: [{ ...order, actions: ['execute'], locations: [venue] }],
  });
  const answer = await firm.client.call(token, { method: 'POST', url: `${venue}/orders`, body: {} });
  if (answer.status !== 201) throw refusalOf(answer);
  return answer.body as Execution;
}

/** Passes the execution to clearing: fewer scopes, the executed quantity, the same transaction. */
async function handToClearing(
  firm: Firm,
  { access, order, execution }: { readonly access: Access; readonly order: TradeOrder; readonly execution: Execution },
): Promise<unknown> {
  const clearing = firm.peer('clearing');
  const token = await firm.client.exchange(access.accessToken, {
    resource: clearing,
    scope: 'settlement:instruct',
    authorizationDetails: [
      {
        ...order,
        actions: ['clear', 'settle'],
        locations: [clearing, firm.peer('custodian')],
        max_qty: execution.executed_qty,
      },
    ],
  });
  const answer = await firm.client.call(token, { method: 'POST', url: `${clearing}/trades`, body: { execution } });
  if (answer.status !== 201) throw refusalOf(answer);
  return answer.body;
}

await startFirm(broker);
