import type { RecordId } from '@countersign/kernel';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * The serial number of a token: the number in the id of its record, 48 bits of time and 80 of randomness. So it is used
 * once, on whichever node and after whatever crash (RFC 3161 section 2.4.2), and whoever holds a token finds its record.
 */
export function serialNumberOf(record: RecordId): bigint {
  let number = 0n;
  for (const character of record.slice(record.indexOf('_') + 1))
    number = (number << 5n) | BigInt(alphabet.indexOf(character));
  return number;
}
