import { createHmac, hkdfSync } from 'node:crypto';
import { entrySealKey, logOrigin } from './product-log.ts';

// As the processes of an installation seal what they write: see `seals/entry-seals.ts` of the audit log.

const keyOf = (use: string): Buffer =>
  Buffer.from(hkdfSync('sha256', entrySealKey, new Uint8Array(), `${use}\n${logOrigin}`, 32));

/** The seal of an entry, in SQL: HMAC (RFC 2104) over place, leaf hash and record id. */
export function entrySealSql({ index, leafHash, id }: Readonly<Record<'index' | 'leafHash' | 'id', string>>): string {
  const key = keyOf('entry-seal');
  const pad = (byte: number): string => {
    const padded = Buffer.alloc(64, byte);
    for (const [at, of] of key.entries()) padded.writeUInt8(of ^ byte, at);
    return `'\\x${padded.toString('hex')}'::bytea`;
  };
  const message = `convert_to(lpad(to_hex(${index}), 16, '0'), 'UTF8') || ${leafHash} || convert_to(${id}, 'UTF8')`;
  return `sha256(${pad(0x5c)} || sha256(${pad(0x36)} || ${message}))`;
}

/** Of how far the terms of this rule have been drawn. */
export function termsSeal(rule: number, size: number): Buffer {
  return createHmac('sha256', keyOf('mark-seal')).update(`terms ${rule}\n${size}`).digest();
}
