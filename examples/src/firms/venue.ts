import { authorizedOrder, type Firm, refusal, startFirm } from './firm.ts';

/** The execution venue: executes what the token allows, and reports it to the registry. */
function venue(firm: Firm): void {
  firm.post('/orders', 'order:create', async (_body, access) => {
    const order = authorizedOrder(access);
    const { txn } = access.claims;
    if (txn === undefined || !order.actions.includes('execute'))
      throw refusal('execution_not_authorized', 'forbidden', 'The token does not allow execution.');
    if (order.limit_price === undefined)
      throw refusal('limit_price_missing', 'invalid', 'This venue takes limit orders only.');
    const execution = {
      execution_id: `X-${order.client_order_id}`,
      executed_qty: order.max_qty,
      price: order.limit_price,
    };
    const { execution_id: reference, executed_qty, price } = execution;
    await firm.controlPlane.transition({
      transaction: txn,
      event: 'execute',
      idempotencyKey: reference,
      body: { executed_qty, price, reference },
    });
    return execution;
  });
}

await startFirm(venue);
