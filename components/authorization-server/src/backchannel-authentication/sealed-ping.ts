import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import type { ClientId } from '@countersign/contracts';
import { parseJson, type Random } from '@countersign/kernel';

/** What a ping needs and nobody may find in the database: both are secrets of the client. */
export interface PingSecrets {
  readonly authReqId: string;
  readonly notificationToken: string;
}

/** Encrypts what is to be sent later, so that the tables hold no secret that can be used. */
export interface PingSealer {
  seal(secrets: PingSecrets, to: PingAddressee): Buffer;
  /** @returns undefined when it was sealed with another secret, for another row or for another client */
  open(sealed: Uint8Array, to: PingAddressee): PingSecrets | undefined;
}

/** What is moved to another row, or whose row names another client, does not open. */
export interface PingAddressee {
  /** SHA-256 of the auth_req_id. */
  readonly hash: Uint8Array;
  readonly client: ClientId;
}

/**
 * AES-256-GCM: nonce (12 bytes), ciphertext, tag (16 bytes).
 *
 * @param secret at least 32 octets, the same on every node
 */
export function createPingSealer(secret: Uint8Array, random: Random): PingSealer {
  if (secret.length < 32) throw new Error('the secret that pings are sealed with has fewer than 32 octets');
  const bound = ({ hash, client }: PingAddressee) => Buffer.concat([hash, Buffer.from(client)]);
  const key = new Uint8Array(hkdfSync('sha256', secret, '', 'countersign backchannel ping', 32));
  return {
    seal({ authReqId, notificationToken }, to) {
      const nonce = random.bytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(bound(to));
      const plain = JSON.stringify([authReqId, notificationToken]);
      return Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, to) {
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 })
          .setAAD(bound(to))
          .setAuthTag(sealed.subarray(-16));
        const plain = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
        return secretsOf(plain.toString('utf8'));
      } catch {
        return undefined;
      }
    },
  };
}

function secretsOf(text: string): PingSecrets | undefined {
  const parsed = parseJson(text);
  if (!parsed.ok || !Array.isArray(parsed.value)) return undefined;
  const [authReqId, notificationToken] = parsed.value;
  return typeof authReqId === 'string' && typeof notificationToken === 'string'
    ? { authReqId, notificationToken }
    : undefined;
}
