import { refusalOf } from '@countersign/sdk';
import { authorizedOrder, type Firm, refusal, startFirm } from './firm.ts';

interface Trade {
  readonly execution: {
    readonly execution_id: string;
    readonly executed_qty: string;
    readonly price: { readonly amount: string; readonly ccy: string };
  };
}

/** The clearing firm: verifies token, chain and mandate itself, clears, and instructs the custodian. */
function clearingFirm(firm: Firm): void {
  firm.post<Trade>('/trades', 'settlement:instruct', async ({ execution }, access) => {
    const order = authorizedOrder(access);
    const { txn, mandate, lei } = access.claims;
    if (txn === undefined || mandate === undefined || !order.actions.includes('clear'))
      throw refusal('clearing_not_authorized', 'forbidden', 'The token does not allow clearing under a mandate.');
    if (access.actors.length < 1)
      throw refusal('chain_missing', 'forbidden', 'A trade comes through the broker: the token must name who acts.');
    // The firm's own check. The registry checks again, records a lapse, and raises the exception.
    const standing = await firm.controlPlane.checkMandate(mandate.id, {
      intent: order,
      actingFor: lei,
      action: 'settlement:instruct',
    });
    const reference = standing.valid
      ? `clear-${execution.execution_id}`
      : `clear-${execution.execution_id}-without-mandate`;
    const body = { cleared_qty: execution.executed_qty, reference };
    const cleared = await firm.controlPlane.transition({
      transaction: txn,
      event: 'clear',
      idempotencyKey: reference,
      body,
    });
    const custodian = firm.peer('custodian');
    const token = await firm.client.exchange(access.accessToken, {
      resource: custodian,
      scope: 'settlement:instruct',
      authorizationDetails: [{ ...order, actions: ['settle'], locations: [custodian] }],
    });
    const answer = await firm.client.call(token, {
      method: 'POST',
      url: `${custodian}/settlements`,
      body: { settlement_id: `S-${execution.execution_id}`, settled_qty: execution.executed_qty },
    });
    if (answer.status !== 201) throw refusalOf(answer);
    return { cleared, settled: answer.body };
  });
}

await startFirm(clearingFirm);
