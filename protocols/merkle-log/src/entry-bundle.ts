import { merkleLogErrors } from './errors.ts';
import { tileWidth } from './tiles.ts';

/** The length is a uint16 (tlog-tiles, "Log entries"). */
export const maxEntrySize = 65_535;

/** Big-endian uint16 length, then the entry. @throws CodedError `entry_too_large`, `tile_out_of_range` */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Buffer {
  if (entries.length < 1 || entries.length > tileWidth)
    throw merkleLogErrors.error('tile_out_of_range', 'A bundle holds between 1 and 256 entries.');
  if (entries.some((entry) => entry.length > maxEntrySize))
    throw merkleLogErrors.error('entry_too_large', 'An entry is at most 65,535 bytes long.');
  const bundle = Buffer.alloc(entries.reduce((size, entry) => size + 2 + entry.length, 0));
  let offset = 0;
  for (const entry of entries) {
    bundle.writeUInt16BE(entry.length, offset);
    bundle.set(entry, offset + 2);
    offset += 2 + entry.length;
  }
  return bundle;
}

export type DecodedBundle =
  | { readonly ok: true; readonly entries: readonly Buffer[] }
  | { readonly ok: false; readonly reason: 'truncated' | 'trailing_bytes' };

/** Returns views on the bytes. @param width number of entries by the bundle's path */
export function decodeEntryBundle(bytes: Uint8Array, width: number): DecodedBundle {
  const bundle = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Buffer[] = [];
  let offset = 0;
  while (entries.length < width) {
    if (offset + 2 > bundle.length) return { ok: false, reason: 'truncated' };
    const end = offset + 2 + bundle.readUInt16BE(offset);
    if (end > bundle.length) return { ok: false, reason: 'truncated' };
    entries.push(bundle.subarray(offset + 2, end));
    offset = end;
  }
  return offset === bundle.length ? { ok: true, entries } : { ok: false, reason: 'trailing_bytes' };
}
