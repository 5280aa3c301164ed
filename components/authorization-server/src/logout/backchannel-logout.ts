import type { AuditLog, Client, Directory, Outbound, Signer } from '@countersign/contracts';
import { type Clock, defined, isCodedError, newId, parseId, type Random, type SessionId } from '@countersign/kernel';
import { composeLogoutToken, logoutTokenHeader, signLogoutToken } from '@countersign/oauth';
import type { Logger } from '@countersign/runtime';
import { createRounds } from '@countersign/runtime';
import type pg from 'pg';
import { signingFor } from '../id-tokens.ts';
import { createDeliveryStore, type Delivery } from './store.ts';

export interface BackchannelLogoutDependencies {
  readonly pool: pg.Pool;
  readonly issuer: string;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly outbound: Pick<Outbound, 'post'>;
  readonly audit: Pick<AuditLog, 'append' | 'search'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How often to look for ended sessions and due deliveries; default 1 s. */
  readonly everyMs?: number;
}

export interface BackchannelLogout {
  /** Idempotent. */
  sessionEnded(session: SessionId): Promise<void>;
  /** Also runs by itself. */
  run(): Promise<void>;
  stop(): Promise<void>;
}

/** Seconds until the next attempt. */
const waits = [10, 30, 120, 600] as const;
/** Afterwards another node takes over. */
const leaseMs = 30_000;
const deliveriesAtOnce = 16;
const postTimeoutMs = 5_000;

/** OpenID Connect Back-Channel Logout 1.0. An unreachable client is tried five times, and the outcome is recorded. */
export function createBackchannelLogout(dependencies: BackchannelLogoutDependencies): BackchannelLogout {
  const { pool, issuer, directory, signer, outbound, audit, clock, random, logger } = dependencies;
  const store = createDeliveryStore(pool);
  let position: bigint | undefined;

  /** The log has all ended sessions, of any node. */
  async function followLog(): Promise<void> {
    position ??= await store.position();
    const from = position;
    for (;;) {
      const page = await audit.search({ types: ['session.ended'], after: position, limit: 1_000 });
      for (const { index, record } of page) {
        const session = sessionOf(record.data);
        if (session !== undefined) await store.enqueue(session, clock.now());
        position = index;
      }
      if (page.length < 1_000) break;
    }
    if (position > from) await store.advance(position);
  }

  async function deliverDue(): Promise<void> {
    for (;;) {
      const now = clock.now();
      const taken = await store.lease(now, now + leaseMs, deliveriesAtOnce);
      const failed = (await Promise.allSettled(taken.map(deliver))).find(({ status }) => status === 'rejected');
      // A delivery that could not be recorded is repeated.
      if (failed?.status === 'rejected') throw failed.reason;
      if (taken.length < deliveriesAtOnce) return;
    }
  }

  async function deliver(delivery: Delivery): Promise<void> {
    const client = directory.snapshot().client(delivery.client);
    if (client?.backchannelLogoutUri === undefined) return store.finish(delivery);
    const outcome = await send(delivery, client, client.backchannelLogoutUri);
    const wait = waits[delivery.attempt - 1];
    if (outcome.result === 'unreachable' && wait !== undefined)
      return store.putOff(delivery, clock.now() + wait * 1000);
    await record(delivery, client, outcome);
    await store.finish(delivery);
  }

  async function send(delivery: Delivery, client: Client, uri: string): Promise<Outcome> {
    const { key, sign } = await signingFor(client, signer);
    const claims = composeLogoutToken({
      issuer,
      clientId: client.id,
      ended: { sid: delivery.session, sub: delivery.subject },
      jti: newId('token', { clock, random }),
      now: clock.now(),
    });
    const token = await signLogoutToken(claims, logoutTokenHeader(key), sign);
    try {
      const { status } = await outbound.post(uri, {
        contentType: 'application/x-www-form-urlencoded',
        body: new URLSearchParams({ logout_token: token }).toString(),
        timeoutMs: postTimeoutMs,
      });
      // Back-Channel Logout section 2.8.
      if (status === 200 || status === 204) return { result: 'delivered', status };
      return { result: status === 400 ? 'refused' : 'unreachable', status };
    } catch (error) {
      if (!isCodedError(error)) throw error;
      return { result: error.category === 'invalid' ? 'refused' : 'unreachable', code: error.code };
    }
  }

  async function record(delivery: Delivery, client: Client, outcome: Outcome): Promise<void> {
    await audit.append({
      id: newId('record', { clock, random }),
      type: 'session.logout-notified',
      source: 'authorization-server',
      outcome: outcome.result === 'delivered' ? 'done' : 'deny',
      ...(outcome.result === 'delivered' ? {} : { reason: `logout_${outcome.result}` }),
      subject: { id: delivery.subject },
      client: client.id,
      data: {
        session: delivery.session,
        attempts: delivery.attempt,
        ...defined({ status: outcome.status, error: outcome.code }),
      },
    });
  }

  const rounds = createRounds({
    what: 'logout tokens',
    logger,
    everyMs: dependencies.everyMs ?? 1_000,
    work: () => followLog().then(deliverDue),
  });
  return {
    async sessionEnded(session) {
      await store.enqueue(session, clock.now());
      // The person who signs out need not wait for the clients.
      rounds.hurry();
    },
    run: rounds.run,
    stop: rounds.stop,
  };
}

interface Outcome {
  readonly result: 'delivered' | 'refused' | 'unreachable';
  readonly status?: number;
  readonly code?: string;
}

function sessionOf(data: unknown): SessionId | undefined {
  if (typeof data !== 'object' || data === null || !('session' in data)) return undefined;
  return parseId('session', data.session);
}
