import type { OpenedValue, Protection } from '../protection/protection.ts';
import { detailOf } from './detail-of.ts';
import type { FromKeeper, ToKeeper } from './messages.ts';

/**
 * Answers the thread of a stream: it lends the keys of subjects, and opens what the thread could not open, which tells what
 * is erased from what was altered. Keys that seal others never leave it.
 */
export async function keepKeys(protection: Pick<Protection, 'lend' | 'open'>, asked: ToKeeper): Promise<FromKeeper> {
  const { question } = asked;
  try {
    switch (asked.ask) {
      case 'keys':
        return { question, answer: 'lent', lent: await protection.lend(new Set(asked.ids)) };
      case 'open':
        return { question, answer: 'opened', texts: (await protection.open(asked.records)).map(textsOf) };
      default:
        return asked satisfies never;
    }
  } catch (error) {
    return { question, answer: 'failed', detail: detailOf(error) };
  }
}

function textsOf(values: readonly OpenedValue[]): ReadonlyMap<string, string> {
  return new Map(values.flatMap((value) => (value.state === 'open' ? [[value.path, value.text] as const] : [])));
}
