import { type Digest, digestOf, type Json, unreachable } from '@countersign/kernel';
import type { AuthorizationDetail } from '@countersign/market';
import type { StoredTransaction } from './store/store.ts';

/** Intents with the same subject are compared when an approver views a later one. */
export function lookedAtAs({
  detail,
  initiatorInstitution,
}: Pick<StoredTransaction, 'detail' | 'initiatorInstitution'>): Digest {
  return digestOf([detail.type, initiatorInstitution, detail.entity_lei, subjectOf(detail)]);
}

function subjectOf(detail: AuthorizationDetail): Json {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:trade_order':
    case 'urn:countersign:rar:v1:rfq':
      return detail.client_order_id;
    case 'urn:countersign:rar:v1:allocation':
      return [...detail.trade_ids].sort();
    case 'urn:countersign:rar:v1:clearing_submission':
      return detail.uti;
    case 'urn:countersign:rar:v1:settlement_instruction':
      return [detail.uti, detail.sequence];
    case 'urn:countersign:rar:v1:collateral_transfer':
      return [detail.agreement_id, detail.call_id ?? null, detail.direction];
    case 'urn:countersign:rar:v1:address_book_change':
      return detail.asset === undefined
        ? [detail.place_of_settlement ?? null, detail.beneficiary_lei]
        : [detail.asset.dti ?? null, detail.chain_id ?? null, detail.beneficiary_lei];
    case 'urn:countersign:rar:v1:withdrawal':
      return [detail.asset.dti ?? null, detail.chain_id, detail.address_id];
    case 'urn:countersign:rar:v1:regulatory_report':
      return [detail.regime, detail.uti];
    case 'urn:countersign:rar:v1:privileged_admin':
      return [detail.target, detail.ticket];
    default:
      return unreachable(detail);
  }
}
