import { addDecimals, type DecimalString, unreachable, zero } from '@countersign/kernel';
import type { AuthorizationDetail } from '../authorization-details/index.ts';
import type { Asset, Lei } from '../codes/index.ts';
import { counterpartyRoles, type PartyRole } from '../roles.ts';
import type { MandateUse, Money } from './mandate-use.ts';

/**
 * The facts that `permits` checks. A fact that the type cannot state is absent, so `permits` refuses it if the mandate
 * constrains it.
 *
 * @param asked.action scope of the action on the intent
 *
 * @param asked.at milliseconds since the epoch
 *
 * @param asked.valuation in the mandate's currency, for intents without a money amount
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
        accounts: [detail.account],
        counterparties: others([...asked, ...facing], detail),
        notional: detail.max_notional,
        quantity: detail.max_qty,
      };
    }
    case 'urn:countersign:rar:v1:settlement_instruction': {
      const ends = [detail.deliverer, detail.receiver];
      const own = ends.filter(({ lei }) => lei === detail.entity_lei).map(({ account }) => account);
      const accounts = own.filter((account) => account !== undefined);
      return {
        // A mandate cannot name our own address or a third firm's account.
        ...(own.length > 0 && accounts.length === own.length ? { accounts } : {}),
        counterparties: others(
          ends.map(({ lei }) => lei),
          detail,
        ),
        ...(detail.receiver.address === undefined ? {} : { destination: detail.receiver.address }),
        ...(detail.ccy === undefined ? {} : movedOf({ ccy: detail.ccy }, detail.amount)),
        ...(detail.dti === undefined ? {} : movedOf({ dti: detail.dti }, detail.amount)),
      };
    }
    case 'urn:countersign:rar:v1:allocation':
      return {
        accounts: detail.lines.map(({ account }) => account),
        counterparties: others(detail.giveup_to_lei === undefined ? [] : [detail.giveup_to_lei], detail),
        quantity: detail.lines.reduce((sum, { qty }) => addDecimals(sum, qty), zero),
      };
    case 'urn:countersign:rar:v1:clearing_submission':
      // The central counterparty is an infrastructure; the firm that clears extends credit.
      return { counterparties: others([detail.clearing_firm_lei], detail) };
    case 'urn:countersign:rar:v1:address_book_change':
      return { counterparties: others([detail.beneficiary_lei], detail) };
    case 'urn:countersign:rar:v1:collateral_transfer':
      return movedOf(detail.asset, detail.qty);
    case 'urn:countersign:rar:v1:withdrawal':
      return { ...movedOf(detail.asset, detail.amount), destination: detail.address_id };
    case 'urn:countersign:rar:v1:regulatory_report':
    case 'urn:countersign:rar:v1:privileged_admin':
      return {};
    default:
      return unreachable(detail);
  }
}

function movedOf(asset: Asset, assetQuantity: DecimalString): Partial<MandateUse> {
  const { ccy } = asset;
  return { asset, assetQuantity, ...(ccy === undefined ? {} : { notional: { amount: assetQuantity, ccy } }) };
}

/** A firm is never its own counterparty, whatever role it gives itself. */
function others(leis: readonly Lei[], { entity_lei }: Pick<AuthorizationDetail, 'entity_lei'>): readonly Lei[] {
  return [...new Set(leis)].filter((lei) => lei !== entity_lei);
}

function isCounterpartyRole(role: PartyRole): boolean {
  return counterpartyRoles.some((counterparty) => counterparty === role);
}
