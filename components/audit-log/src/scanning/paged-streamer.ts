import { MessageChannel } from 'node:worker_threads';
import type { FromRecordPages, FromRecordStream, RecordPages, RecordStreamer } from '@countersign/contracts';
import { detailOf } from './thread-messages.ts';

/** Serves the streams of a log in another process over a port. */
export function createPagedStreamer(source: RecordPages): RecordStreamer {
  return {
    async stream(query) {
      const name = await source.openPages(query);
      const { port1: port, port2: ours } = new MessageChannel();
      let last: Promise<unknown> = Promise.resolve();
      let closed = false;

      async function close(): Promise<void> {
        if (closed) return;
        closed = true;
        ours.close();
        // If the message is lost, the stream ends after some minutes.
        await source.closePages(name).catch(() => undefined);
      }

      async function give(): Promise<void> {
        if (closed) return;
        const said = await source
          .nextPage(name)
          .catch((error: unknown): FromRecordPages => ({ say: 'failed', detail: detailOf(error) }));
        if (said.say !== 'page') {
          ours.postMessage(said);
          await close();
          return;
        }
        // A copy: received bytes may be part of a larger buffer.
        const page = {
          records: said.page.records,
          bytes: Uint8Array.from(said.page.bytes),
          ends: Uint32Array.from(said.page.ends),
        };
        ours.postMessage({ say: 'page', page } satisfies FromRecordStream, [page.bytes.buffer, page.ends.buffer]);
      }

      // Every message requests a page, and pages come in log order.
      ours.on('message', () => {
        last = last.then(give);
      });
      ours.on('close', () => void close());
      return { port, stop: close };
    },
  };
}
