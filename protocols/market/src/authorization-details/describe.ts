import { unreachable } from '@countersign/kernel';
import { type DescriptionLine, fieldsOf } from './describe-fields.ts';
import { sentencesOf } from './describe-sentences.ts';
import { count, directionWords, numberWords, productWords, reportWords, sideWords } from './describe-words.ts';
import type { AuthorizationDetail } from './types.ts';

export type { DescriptionLine } from './describe-fields.ts';

export interface Description {
  /** A heading. */
  readonly title: string;
  /** What is to be done in plain language; nothing in it is missing from `lines`. */
  readonly sentences: readonly string[];
  /** Every field of the detail, decoded, each once. */
  readonly lines: readonly DescriptionLine[];
}

/**
 * An authorization detail for the person who is to approve it: in plain language, and field by field. Every field
 * is shown: what is signed is what is seen, so no two details that differ read the same (instants apart, which are
 * shown in UTC whatever offset they were written with). Made from the detail alone, never from what a client says
 * of it. All text is visible ASCII and single spaces, but for names of countries and currencies that we supply; it
 * is not escaped for any page.
 */
export function describeAuthorizationDetail(detail: AuthorizationDetail): Description {
  return { title: titleOf(detail), sentences: sentencesOf(detail), lines: fieldsOf(detail) };
}

function titleOf(detail: AuthorizationDetail): string {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:trade_order':
      return `${sideWords[detail.side]} up to ${numberWords(detail.max_qty)} of ${productWords(detail.instrument)} on ${detail.venue_mic}`;
    case 'urn:countersign:rar:v1:rfq':
      return `Request quotes to ${sideWords[detail.side].toLowerCase()} up to ${numberWords(detail.max_qty)} of ${productWords(detail.instrument)}`;
    case 'urn:countersign:rar:v1:allocation':
      return `Allocate ${count(detail.trade_ids.length, 'executed trade')} to ${count(detail.lines.length, 'account')}`;
    case 'urn:countersign:rar:v1:clearing_submission':
      return `Clear trade ${detail.uti}`;
    case 'urn:countersign:rar:v1:settlement_instruction':
      return `Settle ${numberWords(detail.amount)} ${detail.ccy ?? detail.dti ?? ''} on ${detail.value_date}`;
    case 'urn:countersign:rar:v1:collateral_transfer':
      return `${directionWords[detail.direction]}: ${numberWords(detail.qty)} of ${productWords(detail.asset)}`;
    case 'urn:countersign:rar:v1:address_book_change':
      return `Change the address book: ${detail.address ?? detail.account ?? ''}`;
    case 'urn:countersign:rar:v1:withdrawal':
      return `Withdraw ${numberWords(detail.amount)} of ${productWords(detail.asset)} to ${detail.address_id}`;
    case 'urn:countersign:rar:v1:regulatory_report':
      return `Report under ${detail.regime}: ${reportWords[detail.action]}`;
    case 'urn:countersign:rar:v1:privileged_admin':
      return `Administrative change: ${detail.operation} on ${detail.target}`;
    default:
      return unreachable(detail);
  }
}
