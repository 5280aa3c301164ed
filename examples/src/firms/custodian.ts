import { authorizedOrder, type Firm, refusal, startFirm } from './firm.ts';

interface SettlementInstruction {
  readonly settlement_id: string;
  readonly settled_qty: string;
}

/** The custodian: settles once, however often it receives the instruction. */
function custodian(firm: Firm): void {
  firm.post<SettlementInstruction>(
    '/settlements',
    'settlement:instruct',
    async ({ settlement_id: reference, settled_qty: quantity }, access) => {
      const order = authorizedOrder(access);
      const { txn, mandate, lei } = access.claims;
      if (txn === undefined || mandate === undefined || !order.actions.includes('settle'))
        throw refusal('settlement_not_authorized', 'forbidden', 'The token does not allow settlement under a mandate.');
      if (access.actors.length < 2)
        throw refusal(
          'chain_missing',
          'forbidden',
          'A settlement comes through broker and clearing firm: the token must name both.',
        );
      const standing = await firm.controlPlane.checkMandate(mandate.id, {
        intent: order,
        actingFor: lei,
        action: 'settlement:instruct',
      });
      // The registry refuses and raises the exception. Without this call, the lapse would leave no record.
      const idempotencyKey = standing.valid ? reference : `${reference}-without-mandate`;
      return firm.controlPlane.transition({
        transaction: txn,
        event: 'settle',
        idempotencyKey,
        body: { settled_qty: quantity, reference },
      });
    },
  );
}

await startFirm(custodian);
