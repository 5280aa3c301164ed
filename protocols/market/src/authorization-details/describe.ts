import { unreachable } from '@countersign/kernel';
import { type DescriptionLine, fieldsOf } from './describe-fields.ts';
import { sentencesOf } from './describe-sentences.ts';
import { count, directionWords, numberWords, productWords, reportWords, sideWords } from './describe-words.ts';
import type { AuthorizationDetail } from './types.ts';

export type { DescriptionLine } from './describe-fields.ts';

export interface Description {
  readonly title: string;
  /** The action in plain language. `lines` repeats every fact stated here. */
  readonly sentences: readonly string[];
  /** Every field of the detail, decoded, each once. */
  readonly lines: readonly DescriptionLine[];
}

/**
 * In plain language and field by field. Every field is shown, and different details read differently; only instants
 * are converted to UTC.
 *
 * Text is visible ASCII with single spaces, except for the country and currency names that we supply. The caller
 * escapes it for HTML.
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
