import { setTimeout as sleep } from 'node:timers/promises';
import { isCodedError, type MandateId } from '@countersign/kernel';
import { createTransport, type Transport } from '@countersign/sdk';
import { algorithmic, claimsOf, type Trading } from '../../testing/trading.ts';

/** What one request came to. */
export interface Exchange {
  readonly path: string;
  /** `200`, `503 peer_unavailable`; `nobody` where the connection was refused or broken; `late`. */
  readonly verdict: string;
  readonly seconds: number;
}

/** Clients that go on asking, whatever is answered. */
export interface RequestLoad {
  readonly exchanges: readonly Exchange[];
  /** Ids of records that a client was shown: of tokens, and of steps of orders. */
  readonly acknowledged: ReadonlySet<string>;
  /** Waits for so many more tokens and orders. @throws Error when they do not come within the time */
  untilDone(more: { readonly tokens: number; readonly orders: number }, withinMs: number): Promise<void>;
  stop(): Promise<void>;
}

/** Longer than what a request may take by our own time-outs, on a busy machine. */
export const lateAfterMs = 40_000;
const pauseMs = 25;

export function startRequestLoad(of: {
  readonly issuer: string;
  readonly trading: Trading;
  readonly mandate: MandateId;
  /** Clients that get tokens for a door, one after the other. */
  readonly tokenClients: number;
}): RequestLoad {
  const { issuer, trading, mandate } = of;
  const exchanges: Exchange[] = [];
  const acknowledged = new Set<string>();
  const done = { tokens: 0, orders: 0 };
  const stopping = new AbortController();
  const listeners = new Set<() => void>();
  const transport = watched(exchanges);
  const clientOf = (name: 'brk-orders' | 'ha-vwap-1') => trading.firms.client(name, { transport });
  const wasShown = (token: { readonly accessToken: string }): void =>
    void acknowledged.add(String(claimsOf(token)['evidence']));

  async function token(client = clientOf('brk-orders')): Promise<void> {
    wasShown(await client.clientCredentials({ resource: `${issuer}/decisions`, scope: 'decision:evaluate' }));
    done.tokens++;
  }
  /** An order of the certified agent, and its token as the broker is shown it. */
  async function order(): Promise<void> {
    const shown = await clientOf('ha-vwap-1').clientCredentials({
      resource: 'https://broker.example/orders',
      scope: 'order:create settlement:instruct',
      authorizationDetails: [trading.order(mandate, algorithmic)],
    });
    wasShown(shown);
    done.orders++;
  }
  async function again(work: () => Promise<void>): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await work();
      } catch (error) {
        if (!isCodedError(error)) throw error;
      }
      for (const listener of listeners) listener();
      await sleep(pauseMs);
    }
  }
  const running = [...Array.from({ length: of.tokenClients }, () => again(() => token())), again(order)];
  return {
    exchanges,
    acknowledged,
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
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

function last(exchanges: readonly Exchange[]): string {
  return JSON.stringify(exchanges.slice(-12));
}

/** Notes what each request came to, before a client makes anything of it. */
function watched(exchanges: Exchange[]): Transport {
  const transport = createTransport({ timeoutMs: lateAfterMs });
  return {
    async send(request) {
      const began = performance.now();
      const { pathname } = new URL(request.url);
      const note = (verdict: string): void =>
        void exchanges.push({ path: pathname, verdict, seconds: (performance.now() - began) / 1000 });
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

/** The code of a problem document; of an OAuth error, it and the rule behind it. */
function codesIn(body: unknown): readonly string[] {
  if (typeof body !== 'object' || body === null) return [];
  return ['code', 'error', 'reason'].flatMap((name) => {
    const value: unknown = Reflect.get(body, name);
    return typeof value === 'string' ? [value] : [];
  });
}
