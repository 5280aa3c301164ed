import type { MessagePort } from 'node:worker_threads';
import type { AskedOfKeeper, FromKeeper, ToKeeper } from './thread-messages.ts';

type Answer<Kind extends FromKeeper['answer']> = Extract<FromKeeper, { answer: Kind }>;
// Not by `Omit`, which would make one shape of the two.
type Question<Asked = ToKeeper> = Asked extends ToKeeper ? Omit<Asked, 'question'> : never;

/** The keeper of keys, from the side of the thread that asks. Answers never fail to come: with the keeper ends the thread. */
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
    if (said.answer !== expected) throw new Error(`the keeper of keys said ${said.answer} out of turn`);
    return said as Answer<Kind>;
  }

  return {
    keys: async (ids) => (await ask({ ask: 'keys', ids }, 'lent')).lent,
    open: async (records) => (await ask({ ask: 'open', records }, 'opened')).texts,
  };
}

/** Asked for at once: each is unsealed in the thread that serves others. */
const askedAtOnce = 100;
/** Kept at once; of more, all are asked for again. */
const mostKept = 20_000;

/** The keys that a thread has been lent, for as long as it may use them. */
export interface LentKeyRing {
  /** Asks for those of these keys that are not here. What is still not here then cannot be had. */
  fetch(ids: ReadonlySet<string>): Promise<void>;
  get(id: string): Uint8Array | undefined;
}

/** @param now milliseconds of a clock that never goes backwards */
export function createLentKeyRing(dependencies: {
  readonly keeper: Pick<AskedOfKeeper, 'keys'>;
  readonly now: () => number;
}): LentKeyRing {
  const { keeper, now } = dependencies;
  const kept = new Map<string, Uint8Array>();
  let until = 0;

  return {
    async fetch(ids) {
      if (now() >= until || kept.size + ids.size > mostKept) {
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
