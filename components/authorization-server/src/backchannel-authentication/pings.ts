import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import type { Client, ClientId, Directory, Outbound } from '@countersign/contracts';
import { type Clock, isCodedError, parseJson, type Random } from '@countersign/kernel';
import { createRounds, type Logger } from '@countersign/runtime';
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

export interface Pings {
  /** Sends due pings now, without waiting for the result: a decision was just made. */
  hurry(): void;
  /** Sends due pings; runs by itself. */
  run(): Promise<void>;
  stop(): Promise<void>;
}

/** Seconds until the next attempt after the first, second, ... failure. After the last failure the client has to poll. */
const waits = [2, 5, 15, 45] as const;
/** Another node takes over a ping if the node that claimed it does not finish within this time. */
const takenForMs = 15_000;
const pingsAtOnce = 16;
const postTimeoutMs = 5_000;

/**
 * CIBA Core section 10.2: once a decision is durable, a client in ping mode is notified with its own bearer token and then
 * fetches the result. Each ping is tried at most five times, and never after the request has expired.
 */
export function createPings(dependencies: PingDependencies): Pings {
  const { directory, outbound, clock, logger, sealer } = dependencies;
  const store = createPingStore(dependencies.pool);

  async function sendDue(): Promise<void> {
    for (;;) {
      const now = clock.now();
      const taken = await store.take(now, now + takenForMs, pingsAtOnce);
      await Promise.all(taken.map(send));
      if (taken.length < pingsAtOnce) return;
    }
  }

  async function send(due: DuePing): Promise<void> {
    const delivery = deliveryOf(directory.snapshot().client(due.client));
    const secrets = sealer.open(due.sealed, due);
    if (delivery === undefined || secrets === undefined || due.expiresAt <= clock.now()) return store.finish(due.hash);
    const outcome = await post(delivery.endpoint, secrets);
    if (outcome.told) return store.finish(due.hash);
    const wait = outcome.final ? undefined : waits[due.attempt - 1];
    const fields = { client: due.client, attempt: due.attempt, why: outcome.why };
    if (wait === undefined) {
      logger.warn(fields, 'a client could not be told that somebody has decided');
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
      if (status === 200 || status === 204) return { told: true };
      return { told: false, final: status >= 300 && status < 500 && status !== 429, why: `status ${status}` };
    } catch (error) {
      if (isCodedError(error)) return { told: false, final: error.category === 'invalid', why: error.code };
      // Our own bug: do not retry for ever.
      logger.error({ error }, 'a ping failed by a fault of ours');
      return { told: false, final: true, why: 'internal_error' };
    }
  }

  const { join, hurry, stop } = createRounds({
    what: 'sending pings',
    work: sendDue,
    logger,
    everyMs: dependencies.everyMs ?? 1_000,
  });

  return { hurry, run: join, stop };
}

type Outcome =
  | { readonly told: true }
  /** @property final the client rejected the ping, or its address may not be called: a retry would not help */
  | { readonly told: false; readonly final: boolean; readonly why: string };

function deliveryOf(client: Client | undefined) {
  return client?.backchannelDelivery?.mode === 'ping' ? client.backchannelDelivery : undefined;
}

/** The data of a ping that must not be readable in the database: both values are secrets of the client. */
export interface PingSecrets {
  readonly authReqId: string;
  readonly notificationToken: string;
}

/** Encrypts the data of pings, so that the tables contain no usable secret. */
export interface PingSealer {
  seal(secrets: PingSecrets, to: PingAddressee): Buffer;
  /** @returns undefined if it was sealed with another secret, for another row or for another client */
  open(sealed: Uint8Array, to: PingAddressee): PingSecrets | undefined;
}

/** Data moved to another row, or whose row names another client, cannot be decrypted. */
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
