import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import type { Client, ClientId, Directory, Outbound } from '@countersign/contracts';
import { type Clock, isCodedError, parseJson, type Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { createRounds, type Rounds } from '@countersign/runtime';
import type pg from 'pg';
import { createPingStore, type DuePing } from './ping-store.ts';

export interface PingDependencies {
  readonly pool: pg.Pool;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly outbound: Pick<Outbound, 'post'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sealer: PingSealer;
  /** How often to look for due pings; default 1 s. */
  readonly everyMs?: number;
}

export interface Pings extends Rounds {}

/** Seconds until the next attempt. After the last one the client has to poll. */
const waits = [2, 5, 15, 45] as const;
const leaseMs = 15_000;
const pingsAtOnce = 16;
const postTimeoutMs = 5_000;

/** CIBA Core section 10.2. Each ping is tried at most five times, and never after the request has expired. */
export function createPings(dependencies: PingDependencies): Pings {
  const { directory, outbound, clock, logger, sealer } = dependencies;
  const store = createPingStore(dependencies.pool);

  async function sendDue(): Promise<void> {
    for (;;) {
      const now = clock.now();
      const taken = await store.lease(now, now + leaseMs, pingsAtOnce);
      await Promise.all(taken.map(send));
      if (taken.length < pingsAtOnce) return;
    }
  }

  async function send(due: DuePing): Promise<void> {
    const delivery = deliveryOf(directory.snapshot().client(due.client));
    const secrets = sealer.open(due.sealed, due);
    if (delivery === undefined || secrets === undefined || due.expiresAt <= clock.now()) return store.finish(due.hash);
    const outcome = await post(delivery.endpoint, secrets);
    if (outcome.delivered) return store.finish(due.hash);
    const wait = outcome.final ? undefined : waits[due.attempt - 1];
    const fields = { client: due.client, attempt: due.attempt, why: outcome.why };
    if (wait === undefined) {
      logger.warn(fields, 'a client could not be notified of a decision');
      return store.finish(due.hash);
    }
    return store.putOff(due.hash, clock.now() + wait * 1000);
  }

  async function post(endpoint: string, { authReqId, notificationToken }: PingSecrets): Promise<Outcome> {
    try {
      const { status } = await outbound.post(endpoint, {
        contentType: 'application/json',
        body: JSON.stringify({ auth_req_id: authReqId }),
        authorization: `Bearer ${notificationToken}`,
        timeoutMs: postTimeoutMs,
      });
      // CIBA Core section 10.2: 204 is expected, and 200 must be accepted.
      if (status === 200 || status === 204) return { delivered: true };
      return { delivered: false, final: status >= 300 && status < 500 && status !== 429, why: `status ${status}` };
    } catch (error) {
      if (isCodedError(error)) return { delivered: false, final: error.category === 'invalid', why: error.code };
      // Our own bug is not retried.
      logger.error({ error }, 'a ping failed by a fault of ours');
      return { delivered: false, final: true, why: 'internal_error' };
    }
  }

  return createRounds({ what: 'pings', work: sendDue, logger, everyMs: dependencies.everyMs ?? 1_000 });
}

type Outcome =
  | { readonly delivered: true }
  /** @property final a retry would not help */
  | { readonly delivered: false; readonly final: boolean; readonly why: string };

function deliveryOf(client: Client | undefined) {
  return client?.backchannelDelivery?.mode === 'ping' ? client.backchannelDelivery : undefined;
}

export interface PingSecrets {
  readonly authReqId: string;
  readonly notificationToken: string;
}

/** The tables contain no usable secret. */
export interface PingSealer {
  seal(secrets: PingSecrets, to: PingAddressee): Buffer;
  /** @returns undefined if it was sealed with another secret, for another row or for another client */
  open(sealed: Uint8Array, to: PingAddressee): PingSecrets | undefined;
}

/** For another row or client, decryption fails. */
export interface PingAddressee {
  /** SHA-256 of the auth_req_id. */
  readonly hash: Uint8Array;
  readonly client: ClientId;
}

/** AES-256-GCM: nonce (12 bytes), ciphertext, tag (16 bytes). @param secret at least 32 octets, the same on every node */
export function createPingSealer(secret: Uint8Array, random: Random): PingSealer {
  if (secret.length < 32) throw new Error('the ping secret has fewer than 32 octets');
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
