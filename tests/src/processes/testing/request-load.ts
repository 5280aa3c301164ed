import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isCodedError, type MandateId } from '@countersign/kernel';
import { createTransport, stepOf, type Token, type Transport } from '@countersign/sdk';
import { claimsOf, type Receipt, type Trading } from '../../testing/trading.ts';

/** The result of one request. */
export interface Exchange {
  readonly path: string;
  /** `200`, `503 peer_unavailable`; `nobody` if the connection was refused or broken; `late`. */
  readonly verdict: string;
}

/** A token that a client received: the log must have it. */
export interface ReceivedToken {
  readonly record: string;
  /** SHA-256 of the token, base64url. */
  readonly hash: string;
  /** For an order. */
  readonly transaction: string | undefined;
}

/**
 * Clients that keep requesting, whatever the answers: tokens for an interface, and orders of a partner's trader that the
 * broker submits.
 */
export interface RequestLoad {
  readonly exchanges: readonly Exchange[];
  readonly tokens: readonly ReceivedToken[];
  /** Ids of the records of submissions, as returned to the broker. */
  readonly submissions: readonly string[];
  /** Waits for this many more tokens and submitted orders. @throws Error when they do not come in time */
  untilDone(more: { readonly tokens: number; readonly orders: number }, withinMs: number): Promise<void>;
  /** Whether anything was refused from here on. */
  refusals(): () => boolean;
  /** Sends no further request, and waits for those in progress. */
  stop(): Promise<void>;
}

/** Longer than our own time-outs allow a request to take, on a busy machine. */
const lateAfterMs = 60_000;
const pauseMs = 50;
/** Small enough that no daily limit is reached. */
const small = { max_qty: '100', max_notional: { amount: '10125', ccy: 'EUR' } } as const;

export function startRequestLoad(of: {
  readonly issuer: string;
  readonly trading: Trading;
  readonly mandate: MandateId;
  /** Clients that get tokens for an interface, one after the other. */
  readonly tokenClients: number;
}): RequestLoad {
  const { issuer, trading, mandate } = of;
  const exchanges: Exchange[] = [];
  const tokens: ReceivedToken[] = [];
  const submissions: string[] = [];
  const done = { tokens: 0, orders: 0 };
  const stopping = new AbortController();
  const listeners = new Set<() => void>();
  const transport = watched(exchanges, stopping.signal);
  const clientOf = (name: 'brk-orders' | 'ha-oms') => trading.firms.client(name, { transport });
  function received(token: Token): string | undefined {
    const { evidence, txn } = claimsOf(token);
    const transaction = typeof txn === 'string' ? txn : undefined;
    const hash = createHash('sha256').update(token.accessToken).digest('base64url');
    tokens.push({ record: String(evidence), hash, transaction });
    return transaction;
  }

  async function token(): Promise<void> {
    const resource = `${issuer}/decisions`;
    received(await clientOf('brk-orders').clientCredentials({ resource, scope: 'decision:evaluate' }));
    done.tokens++;
  }
  async function order(): Promise<void> {
    const shown = await trading.traderToken(trading.order(mandate, small), undefined, clientOf('ha-oms'));
    const transaction = received(shown) ?? '';
    const broker = clientOf('brk-orders');
    const resource = `${issuer}/transactions`;
    const step = await broker.clientCredentials({
      resource,
      scope: 'order:create',
      authorizationDetails: [stepOf({ issuer, transaction, event: 'submit' })],
    });
    received(step);
    const receipt = (await broker.callOrThrow(step, {
      method: 'POST',
      url: `${resource}/${transaction}/transitions`,
      idempotencyKey: `submit-${transaction}`,
      body: { event: 'submit', body: {} },
    })) as Receipt;
    submissions.push(receipt.recordId);
    done.orders++;
  }
  async function again(work: () => Promise<void>): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await work();
      } catch (error) {
        if (error === stopping.signal.reason) return;
        if (!isCodedError(error)) throw error;
      }
      for (const listener of listeners) listener();
      await sleep(pauseMs);
    }
  }
  const running = [...Array.from({ length: of.tokenClients }, () => again(token)), again(order)];
  return {
    exchanges,
    tokens,
    submissions,
    untilDone(more, withinMs) {
      const wanted = { tokens: done.tokens + more.tokens, orders: done.orders + more.orders };
      return new Promise((resolve, reject) => {
        const end = (settle: () => void): void => {
          clearTimeout(timer);
          listeners.delete(look);
          settle();
        };
        const timer = setTimeout(
          () =>
            end(() =>
              reject(new Error(`only ${JSON.stringify(done)} of ${JSON.stringify(wanted)}: ${last(exchanges)}`)),
            ),
          withinMs,
        );
        const look = (): void => {
          if (done.tokens >= wanted.tokens && done.orders >= wanted.orders) end(resolve);
        };
        listeners.add(look);
      });
    },
    refusals() {
      const from = exchanges.length;
      return () => exchanges.slice(from).some(({ verdict }) => !isTaken(verdict));
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

export function isTaken(verdict: string): boolean {
  return /^20[01]/.test(verdict);
}

function last(exchanges: readonly Exchange[]): string {
  return JSON.stringify(exchanges.slice(-12));
}

/** Records the result of each request before a client handles it. */
function watched(exchanges: Exchange[], stopping: AbortSignal): Transport {
  const transport = createTransport({ timeoutMs: lateAfterMs });
  return {
    async send(request) {
      stopping.throwIfAborted();
      const began = performance.now();
      const { pathname } = new URL(request.url);
      const note = (verdict: string): void => void exchanges.push({ path: pathname, verdict });
      try {
        const answer = await transport.send(request);
        note([answer.status, ...codesIn(answer.body)].join(' '));
        return answer;
      } catch (error) {
        note(performance.now() - began >= lateAfterMs ? 'late' : 'nobody');
        throw error;
      }
    },
  };
}

/** The code of a problem document; for an OAuth error, the error and the violated rule. */
function codesIn(body: unknown): readonly string[] {
  if (typeof body !== 'object' || body === null) return [];
  return ['code', 'error', 'reason'].flatMap((name) => {
    const value: unknown = Reflect.get(body, name);
    return typeof value === 'string' ? [value] : [];
  });
}
