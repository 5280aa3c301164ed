import { createHmac } from 'node:crypto';
import { equalInConstantTime, type Random } from '@countersign/kernel';

/** Nonces (RFC 8555 section 6.5). Each contains its time, so a used nonce must be remembered only until it expires. */
export interface ReplayNonces {
  /** @param now milliseconds since the epoch */
  make(now: number): string;
  /**
   * @returns when the nonce expires, in milliseconds since the epoch; undefined when it is foreign or has expired
   */
  endOf(nonce: string, now: number): number | undefined;
}

const timeOctets = 6;
const randomOctets = 12;
const macOctets = 16;

/**
 * Nodes with the same secret accept each other's nonces.
 * @param secret at least 32 octets, not used for anything else
 */
export function createReplayNonces({
  secret,
  random,
  lifeMs,
}: {
  readonly secret: Uint8Array;
  readonly random: Random;
  readonly lifeMs: number;
}): ReplayNonces {
  if (secret.length < 32) throw new RangeError('Nonces need a secret of at least 32 octets.');
  const macOf = (body: Uint8Array): Buffer =>
    createHmac('sha256', secret).update('acme nonce').update(body).digest().subarray(0, macOctets);
  return {
    make(now) {
      const body = Buffer.alloc(timeOctets + randomOctets);
      body.writeUIntBE(now, 0, timeOctets);
      body.set(random.bytes(randomOctets), timeOctets);
      return Buffer.concat([body, macOf(body)]).toString('base64url');
    },
    endOf(nonce, now) {
      const octets = Buffer.from(nonce, 'base64url');
      if (octets.length !== timeOctets + randomOctets + macOctets || octets.toString('base64url') !== nonce)
        return undefined;
      const body = octets.subarray(0, timeOctets + randomOctets);
      const mac = octets.subarray(timeOctets + randomOctets);
      if (!equalInConstantTime(macOf(body).toString('base64url'), mac.toString('base64url'))) return undefined;
      const end = octets.readUIntBE(0, timeOctets) + lifeMs;
      return now <= end ? end : undefined;
    },
  };
}
