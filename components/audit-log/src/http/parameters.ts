import { auditLogErrors } from '@countersign/contracts';
import { parseId } from '@countersign/kernel';
import { Type } from 'typebox';

export const transactionId = Type.String({ maxLength: 40 });

/** @throws CodedError `transaction_without_records` */
export function readTransaction(text: string) {
  const id = parseId('transaction', text);
  if (id === undefined)
    throw auditLogErrors.error('transaction_without_records', 'This is not the id of a transaction.');
  return id;
}
