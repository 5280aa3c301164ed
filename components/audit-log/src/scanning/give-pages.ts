import type { MessagePort } from 'node:worker_threads';
import type { FromRecordStream, RecordPage } from '@countersign/contracts';
import type { PageReader } from './page-reader.ts';
import { detailOf } from './thread-messages.ts';

/** A silent reader is dropped after this time: its pages and its slot are released. */
export const longestSilenceMs = 300_000;

/** Sends pages on request and prepares one ahead. @param begin runs before the first page */
export async function givePages(
  consumer: MessagePort,
  pages: PageReader,
  begin: () => Promise<void>,
  silenceMs: number,
): Promise<void> {
  const asked = countAsked(consumer, silenceMs);
  const say = (said: FromRecordStream, handedOver: ArrayBuffer[] = []): void => consumer.postMessage(said, handedOver);
  const sayPage = (page: RecordPage): void => say({ say: 'page', page }, [page.bytes.buffer, page.ends.buffer]);
  try {
    await asked.reaches(1);
    await begin();
    let reading = pages.read();
    for (let number = 1; ; number++) {
      const read = await reading;
      if (read === undefined) {
        await asked.reaches(number);
        return say({ say: 'end' });
      }
      // The database works on the next page while this one is opened.
      reading = asked.reaches(number).then(() => pages.read());
      // A failure is handled when the page is awaited.
      reading.catch(() => undefined);
      const page = await pages.open(read);
      await asked.reaches(number);
      sayPage(page);
    }
  } catch (error) {
    say({ say: 'failed', detail: detailOf(error) });
  }
}

/** Counts requested pages. Waiting fails if no page is requested for too long. */
function countAsked(consumer: MessagePort, silenceMs: number): { reaches(number: number): Promise<void> } {
  let asked = 0;
  let waiting: readonly { readonly number: number; readonly resolve: () => void }[] = [];
  // Every message requests a page.
  consumer.on('message', () => {
    asked += 1;
    for (const { number, resolve } of waiting) if (number <= asked) resolve();
    waiting = waiting.filter(({ number }) => number > asked);
  });
  return {
    reaches: (number) =>
      new Promise((resolve, reject) => {
        if (number <= asked) return resolve();
        const timer = setTimeout(() => reject(new Error('no page was requested in time')), silenceMs);
        const heard = (): void => {
          clearTimeout(timer);
          resolve();
        };
        waiting = [...waiting, { number, resolve: heard }];
      }),
  };
}
