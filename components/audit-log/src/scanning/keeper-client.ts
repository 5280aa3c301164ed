import type { MessagePort } from 'node:worker_threads';
import type { AskedOfKeeper, FromKeeper, ToKeeper } from './thread-messages.ts';

type Answer<Kind extends FromKeeper['answer']> = Extract<FromKeeper, { answer: Kind }>;
// `Omit` would merge the two shapes.
type Question<Asked = ToKeeper> = Asked extends ToKeeper ? Omit<Asked, 'question'> : never;

/** The keeper always answers: if it ends, so does this thread. */
export function askKeeper(port: MessagePort): AskedOfKeeper {
  const waiting = new Map<number, (said: FromKeeper) => void>();
  let asked = 0;
  port.on('message', (said: FromKeeper) => {
    waiting.get(said.question)?.(said);
    waiting.delete(said.question);
  });

  async function ask<Kind extends FromKeeper['answer']>(question: Question, expected: Kind): Promise<Answer<Kind>> {
    asked += 1;
    const number = asked;
    const said = await new Promise<FromKeeper>((resolve) => {
      waiting.set(number, resolve);
      port.postMessage({ ...question, question: number });
    });
    if (said.answer === 'failed') throw new Error(said.detail);
    if (said.answer !== expected) throw new Error(`the keeper of keys sent ${said.answer}, which was not expected`);
    // The keeper answers in the kind of the question.
    return said as Answer<Kind>;
  }

  return {
    keys: async (ids) => (await ask({ ask: 'keys', ids }, 'lent')).lent,
    open: async (records) => (await ask({ ask: 'open', records }, 'opened')).texts,
  };
}

/** The thread that serves requests unseals each key. */
const askedAtOnce = 100;
const maxKept = 20_000;

/** Keys lent to a thread, for as long as it may use them. */
export interface LentKeyRing {
  /** Requests missing keys. A key that is still missing afterwards is not available. */
  fetch(ids: ReadonlySet<string>): Promise<void>;
  get(id: string): Uint8Array | undefined;
}

/** @param now monotonic milliseconds */
export function createLentKeyRing(dependencies: {
  readonly keeper: Pick<AskedOfKeeper, 'keys'>;
  readonly now: () => number;
}): LentKeyRing {
  const { keeper, now } = dependencies;
  const kept = new Map<string, Uint8Array>();
  let until = 0;

  return {
    async fetch(ids) {
      if (now() >= until || kept.size + ids.size > maxKept) {
        kept.clear();
        until = Number.POSITIVE_INFINITY;
      }
      const missing = [...ids].filter((id) => !kept.has(id));
      for (let start = 0; start < missing.length; start += askedAtOnce) {
        const { keys, forMs } = await keeper.keys(missing.slice(start, start + askedAtOnce));
        for (const [id, bytes] of keys) kept.set(id, bytes);
        until = Math.min(until, now() + forMs);
      }
    },
    get: (id) => kept.get(id),
  };
}
