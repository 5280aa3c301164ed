import type { RecordId } from '@countersign/kernel';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** The number in the id of the record: unique on every node (RFC 3161 section 2.4.2), and leads to it. */
export function serialNumberOf(record: RecordId): bigint {
  let number = 0n;
  for (const character of record.slice(record.indexOf('_') + 1))
    number = (number << 5n) | BigInt(alphabet.indexOf(character));
  return number;
}
