/** A row of `int8` and `bytea` from `COPY ... TO STDOUT WITH (FORMAT binary)`. */
export interface NumberedBytes {
  readonly number: number;
  /** A view of the copy; undefined for null. */
  readonly bytes: Buffer | undefined;
}

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const headerLength = signature.length + 8;
const numberLength = 8;
/** Number of fields, length of the number, the number, length of the bytes. */
const rowHead = 2 + 4 + numberLength + 4;
const isNull = -1;
const noMoreRows = -1;

/** PostgreSQL manual, COPY, "Binary Format". @param longest bytes of one row @throws Error if it is malformed */
export function readCopiedRows(copied: Buffer, longest: number): NumberedBytes[] {
  if (copied.length < headerLength + 2 || copied.compare(signature, 0, signature.length, 0, signature.length) !== 0)
    throw malformed('it does not begin as one');
  if (copied.readUInt32BE(signature.length) !== 0 || copied.readUInt32BE(signature.length + 4) !== 0)
    throw malformed('it has an extension');
  const rows: NumberedBytes[] = [];
  let at = headerLength;
  while (copied.length - at >= rowHead) {
    if (copied.readInt16BE(at) !== 2) throw malformed('a row has other fields');
    if (copied.readInt32BE(at + 2) !== numberLength) throw malformed('the first field is not a number');
    const number = copied.readInt32BE(at + 6) * 2 ** 32 + copied.readUInt32BE(at + 10);
    if (!Number.isSafeInteger(number)) throw malformed('a number is too large');
    const length = copied.readInt32BE(at + 14);
    at += rowHead;
    if (length === isNull) {
      rows.push({ number, bytes: undefined });
      continue;
    }
    if (length < 0 || length > longest || length > copied.length - at) throw malformed('a field has another length');
    rows.push({ number, bytes: copied.subarray(at, at + length) });
    at += length;
  }
  if (copied.length - at !== 2 || copied.readInt16BE(at) !== noMoreRows) throw malformed('it does not end as one');
  return rows;
}

function malformed(detail: string): Error {
  return new Error(`the copied rows cannot be read: ${detail}`);
}
