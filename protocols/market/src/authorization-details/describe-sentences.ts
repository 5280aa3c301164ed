import { addDecimals, type DecimalString, unreachable, zero } from '@countersign/kernel';
import type { AddressBookChange } from './address-book-change.ts';
import {
  accountTypeWords,
  amountOf,
  count,
  countryWords,
  instantWords,
  moneyWords,
  numberWords,
  productWords,
  reportWords,
  settlementEndWords,
  sideWords,
} from './describe-words.ts';
import type { Rfq } from './rfq.ts';
import type { TradeOrder } from './trade-order.ts';
import type { AuthorizationDetail } from './types.ts';

export function sentencesOf(detail: AuthorizationDetail): string[] {
  return [
    ...ownSentences(detail),
    `This is done for LEI ${detail.entity_lei} under the law of ${countryWords(detail.jurisdiction)}, on the authority of mandate ${detail.mandate_id}.`,
    `It can be started until ${instantWords(detail.not_after)}.`,
  ];
}

function ownSentences(detail: AuthorizationDetail): string[] {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:trade_order':
      return [`${whatToTrade(detail)} on ${detail.venue_mic}, ${atWhatPrice(detail)}.`, ...algorithm(detail)];
    case 'urn:countersign:rar:v1:rfq':
      return [
        `Ask ${count(detail.counterparties_lei.length, 'firm')} for quotes on ${detail.venue_mic}: ${lowerFirst(whatToTrade(detail))}, ${atWhatPrice(detail)}.`,
        ...(detail.quote_id === undefined ? [] : [`The quote dealt on is ${detail.quote_id}.`]),
        ...algorithm(detail),
      ];
    case 'urn:countersign:rar:v1:allocation':
      return [
        `Divide ${count(detail.trade_ids.length, 'executed trade')} among ${count(detail.lines.length, 'account')}, ${numberWords(total(detail.lines))} in all.`,
        ...(detail.giveup_to_lei === undefined ? [] : [`The trades are given up to LEI ${detail.giveup_to_lei}.`]),
      ];
    case 'urn:countersign:rar:v1:clearing_submission':
      return [
        `Submit trade ${detail.uti} to the central counterparty LEI ${detail.ccp_lei}, cleared by LEI ${detail.clearing_firm_lei} on an account that is ${accountTypeWords[detail.client_account_type]}.`,
      ];
    case 'urn:countersign:rar:v1:settlement_instruction':
      return [
        `On ${detail.value_date}, ${amountOf(detail.amount, detail)} goes from ${settlementEndWords(detail.deliverer)}, to ${settlementEndWords(detail.receiver)}.`,
        detail.dvp ? 'It is delivered only against payment.' : 'It is delivered free of payment.',
      ];
    case 'urn:countersign:rar:v1:collateral_transfer':
      return [
        detail.direction === 'DELIVER'
          ? `Deliver ${amountOf(detail.qty, detail.asset)} as collateral under the agreement ${detail.agreement_id}.`
          : `Take back ${amountOf(detail.qty, detail.asset)} that was delivered as collateral under the agreement ${detail.agreement_id}.`,
      ];
    case 'urn:countersign:rar:v1:address_book_change':
      return [
        `Change the address book${destinationWords(detail)} of LEI ${detail.beneficiary_lei}.`,
        `It cannot be used before ${instantWords(detail.cooling_off_until)}.`,
      ];
    case 'urn:countersign:rar:v1:withdrawal':
      return [
        `Withdraw ${amountOf(detail.amount, detail.asset)} on the chain ${detail.chain_id} to the address-book entry ${detail.address_id}, for a fee of at most ${numberWords(detail.max_fee)}.`,
        ...(detail.calldata_hash === undefined ? [] : ['The transfer is a contract call.']),
      ];
    case 'urn:countersign:rar:v1:regulatory_report':
      return [
        `Report trade ${detail.uti} under ${detail.regime} to the trade repository LEI ${detail.tr_lei}: ${reportWords[detail.action]}.`,
      ];
    case 'urn:countersign:rar:v1:privileged_admin':
      return [`Carry out ${detail.operation} on ${detail.target}, under the ticket ${detail.ticket}.`];
    default:
      return unreachable(detail);
  }
}

function destinationWords({ asset, chain_id, address, account, place_of_settlement }: AddressBookChange): string {
  return address === undefined
    ? `: the settlement account ${account ?? ''} at ${place_of_settlement ?? ''}`
    : ` for ${productWords(asset ?? {})} on the chain ${chain_id ?? ''}: the address ${address}`;
}

function whatToTrade({ side, max_qty, instrument, account }: TradeOrder | Rfq): string {
  return `${sideWords[side]} at most ${numberWords(max_qty)} of ${productWords(instrument)} for account ${account}`;
}

function atWhatPrice({ limit_price: limit, max_notional: most }: TradeOrder | Rfq): string {
  const price =
    limit === undefined ? 'at whatever price the market has' : `at ${numberWords(limit.amount)} ${limit.ccy} or better`;
  return `${price}, for at most ${moneyWords(most.amount, most.ccy)} in all`;
}

function algorithm({ algo }: TradeOrder | Rfq): string[] {
  return algo === undefined ? [] : [`The algorithm ${algo.model_id}, version ${algo.version}, takes part in it.`];
}

function total(lines: readonly { readonly qty: DecimalString }[]): DecimalString {
  return lines.reduce((sum, { qty }) => addDecimals(sum, qty), zero);
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
