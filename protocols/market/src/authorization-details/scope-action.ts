import type { Scope } from '../scopes.ts';
import type { AuthorizationDetail, AuthorizationDetailType } from './types.ts';

/**
 * Each intent starts under one action, whatever steps it names. Clearing is affirmed to the central counterparty. An
 * administrative change has no action, because mandates cover markets: the server issues no token for one.
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
 * The scope that the mandate must permit. @returns undefined for a type that no mandate covers; the server issues no
 * token for it
 */
export function scopeActionOf({ type }: Pick<AuthorizationDetail, 'type'>): Scope | undefined {
  return scopeActions[type];
}
