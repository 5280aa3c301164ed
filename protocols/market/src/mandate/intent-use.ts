import { unreachable } from '@countersign/kernel';
import type { AuthorizationDetail } from '../authorization-details/index.ts';
import type { Lei } from '../codes/index.ts';
import { counterpartyRoles, type PartyRole } from '../roles.ts';
import type { MandateUse, Money } from './permits.ts';

/**
 * The facts of an intent that a mandate constrains, for `permits`.
 *
 * @param asked.action scope under which the intent is acted on
 * @param asked.at milliseconds since the epoch
 * @param asked.valuation what the intent is worth in the mandate's currency, for those that state no money
 *   (tokens, collateral); an amount of money in the intent itself goes before it
 */
export function intentUse(
  detail: AuthorizationDetail,
  asked: { readonly action: string; readonly at: number; readonly valuation?: Money },
): MandateUse {
  const valued = asked.valuation === undefined ? {} : { notional: asked.valuation };
  return { ...valued, ...factsOf(detail), jurisdiction: detail.jurisdiction, action: asked.action, at: asked.at };
}

function factsOf(detail: AuthorizationDetail): Partial<MandateUse> {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:trade_order':
    case 'urn:countersign:rar:v1:rfq': {
      const facing = detail.parties.filter(({ role }) => isCounterpartyRole(role)).map(({ lei }) => lei);
      const asked: readonly Lei[] = detail.type === 'urn:countersign:rar:v1:rfq' ? detail.counterparties_lei : [];
      return {
        cfi: detail.instrument.cfi,
        venue: detail.venue_mic,
        account: detail.account,
        // A firm is not its own counterparty, in whatever role it names itself.
        counterparties: [...new Set([...asked, ...facing])].filter((lei) => lei !== detail.entity_lei),
        notional: detail.max_notional,
        quantity: detail.max_qty,
      };
    }
    case 'urn:countersign:rar:v1:settlement_instruction': {
      const { deliverer, receiver, amount, ccy, entity_lei } = detail;
      const own = deliverer.lei === entity_lei ? deliverer : receiver;
      const other = own === deliverer ? receiver : deliverer;
      return {
        ...(own.account === undefined ? {} : { account: own.account }),
        counterparties: other.lei === entity_lei ? [] : [other.lei],
        ...(ccy === undefined ? {} : { notional: { amount, ccy } }),
      };
    }
    case 'urn:countersign:rar:v1:collateral_transfer':
      return detail.asset.ccy === undefined ? {} : { notional: { amount: detail.qty, ccy: detail.asset.ccy } };
    case 'urn:countersign:rar:v1:allocation':
    case 'urn:countersign:rar:v1:clearing_submission':
    case 'urn:countersign:rar:v1:address_book_change':
    case 'urn:countersign:rar:v1:withdrawal':
    case 'urn:countersign:rar:v1:regulatory_report':
    case 'urn:countersign:rar:v1:privileged_admin':
      return {};
    default:
      return unreachable(detail);
  }
}

function isCounterpartyRole(role: PartyRole): boolean {
  return counterpartyRoles.some((counterparty) => counterparty === role);
}
