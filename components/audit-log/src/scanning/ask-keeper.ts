import type { MessagePort } from 'node:worker_threads';
import type { AskedOfKeeper, FromKeeper, ToKeeper } from './messages.ts';

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
