import { randomUUID } from 'node:crypto';
import type { MandateId } from '@countersign/kernel';
import { type AuthorizationDetail, parseAuthorizationDetail } from '@countersign/market';
import { leis } from '../../testing/firms.ts';
import { orderMembers } from '../../testing/order-members.ts';

export type Change = Readonly<Record<string, unknown>>;

/** The withdrawn token, and the chain that it is on (ISO 24165; CAIP-2). */
export const asset = { dti: 'X9J9K872S' };
export const chain = 'eip155:1';

/**
 * Valid intents of the arranger; a member that is changed to undefined is left out. @param issuer whose transactions
 * interface they are for
 */
export function createIntents(issuer: string) {
  const transactions = `${issuer}/transactions`;
  const common = (mandate: MandateId) => ({
    locations: [transactions],
    entity_lei: leis.arranger,
    mandate_id: mandate,
    idempotency_key: `intent-${randomUUID()}`,
    not_after: '2035-12-31T17:30:00Z',
    jurisdiction: 'DE',
  });
  return {
    order: (mandate: MandateId, change: Change = {}) =>
      parsed({
        ...common(mandate),
        ...orderMembers(),
        max_qty: '40000',
        // Above the size at which a supervisor must sign.
        max_notional: { amount: '4050000', ccy: 'EUR' },
        ...change,
      }),
    /** For a trade, which `change` names as `trade_id`. */
    settlement: (mandate: MandateId, change: Change & { readonly trade_id: string }) =>
      parsed({
        ...common(mandate),
        type: 'urn:countersign:rar:v1:settlement_instruction',
        actions: ['instruct', 'release'],
        uti: `${leis.arranger}${randomUUID().replaceAll('-', '').slice(0, 20).toUpperCase()}`,
        sequence: 1,
        amount: '40000',
        ccy: 'EUR',
        deliverer: { lei: leis.arranger, account: 'CASH-1' },
        receiver: { lei: leis.custodian, account: 'CASH-9' },
        place_of_settlement: 'CEDELULLXXX',
        value_date: '2035-12-28',
        dvp: false,
        ssi_version: '4',
        ...change,
      }),
    address: (mandate: MandateId, change: Change = {}) =>
      parsed({
        ...common(mandate),
        type: 'urn:countersign:rar:v1:address_book_change',
        actions: ['propose'],
        asset,
        chain_id: chain,
        address: '0x52908400098527886E0F7030069857D2E4169EE7',
        beneficiary_lei: leis.arranger,
        ...change,
      }),
    withdrawal: (mandate: MandateId, change: Change = {}) =>
      parsed({
        ...common(mandate),
        type: 'urn:countersign:rar:v1:withdrawal',
        actions: ['request', 'release'],
        asset,
        chain_id: chain,
        network: 'mainnet',
        amount: '12.5',
        max_fee: '0.01',
        calldata_hash: `0x${'cd'.repeat(32)}`,
        ...change,
      }),
  };
}
export type Intents = ReturnType<typeof createIntents>;

function parsed(stated: Change): AuthorizationDetail {
  const detail = parseAuthorizationDetail(JSON.parse(JSON.stringify(stated)));
  if (!detail.ok) throw new Error(`the test's own intent is wrong at ${detail.path}: ${detail.detail}`);
  return detail.value;
}
