import type { Scope } from '../scopes.ts';
import type { AuthorizationDetail, AuthorizationDetailType } from './types.ts';

/**
 * The authority that each type of intent uses of its mandate.
 *
 * An intent is begun under one action, whatever steps (`actions`) it names: the steps narrow from hop to hop, the
 * authority it began with does not change. Submitting a trade for clearing is affirming it to the central counterparty.
 *
 * An administrative change has none: mandates speak of markets, and no scope of theirs stands for an operation on a
 * control plane. Until there is a mandate that fits, no token is issued for one.
 */
const scopeActions = {
  'urn:countersign:rar:v1:trade_order': 'order:create',
  'urn:countersign:rar:v1:rfq': 'rfq:create',
  'urn:countersign:rar:v1:allocation': 'allocation:propose',
  'urn:countersign:rar:v1:clearing_submission': 'trade:affirm',
  'urn:countersign:rar:v1:settlement_instruction': 'settlement:instruct',
  'urn:countersign:rar:v1:collateral_transfer': 'collateral:transfer',
  'urn:countersign:rar:v1:address_book_change': 'withdrawal-address:propose',
  'urn:countersign:rar:v1:withdrawal': 'withdrawal:request',
  'urn:countersign:rar:v1:regulatory_report': 'report:submit',
  'urn:countersign:rar:v1:privileged_admin': undefined,
} as const satisfies { readonly [Type in AuthorizationDetailType]: Scope | undefined };

/**
 * The scope that an intent uses of its mandate: what the mandate is asked about before a token is issued for it.
 *
 * @returns undefined for a type that no mandate covers: there is then no token for it
 */
export function scopeActionOf({ type }: Pick<AuthorizationDetail, 'type'>): Scope | undefined {
  return scopeActions[type];
}
