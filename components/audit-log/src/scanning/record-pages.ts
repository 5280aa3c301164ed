import type {
  FromRecordPages,
  FromRecordStream,
  RecordPages,
  RecordStream,
  RecordStreamer,
  ToRecordStream,
} from '@countersign/contracts';
import type { Random } from '@countersign/kernel';

interface OpenStream {
  readonly stream: RecordStream;
  /** Requests without an answer yet, in order. */
  readonly waiting: ((said: FromRecordPages) => void)[];
}

const gone: FromRecordPages = { say: 'failed', detail: 'the stream has been closed' };

export function createRecordPages(dependencies: {
  readonly log: RecordStreamer;
  readonly random: Random;
}): RecordPages & { stop(): Promise<void> } {
  const { log, random } = dependencies;
  const open = new Map<string, OpenStream>();

  async function close(name: string): Promise<void> {
    const closing = open.get(name);
    if (closing === undefined) return;
    open.delete(name);
    for (const answer of closing.waiting.splice(0)) answer(gone);
    closing.stream.port.close();
    await closing.stream.stop();
  }

  return {
    async openPages(query) {
      const stream = await log.stream(query);
      const name = Buffer.from(random.bytes(16)).toString('base64url');
      const waiting: OpenStream['waiting'] = [];
      open.set(name, { stream, waiting });
      stream.port.on('message', (said: FromRecordStream) => {
        waiting.shift()?.(
          said.say === 'page' ? { say: 'page', page: { ...said.page, ends: [...said.page.ends] } } : said,
        );
        if (said.say !== 'page') void close(name);
      });
      stream.port.on('close', () => void close(name));
      return name;
    },

    async nextPage(name) {
      const asked = open.get(name);
      if (asked === undefined) return gone;
      return new Promise((resolve) => {
        asked.waiting.push(resolve);
        asked.stream.port.postMessage({ say: 'next' } satisfies ToRecordStream);
      });
    },

    closePages: close,

    async stop() {
      await Promise.all([...open.keys()].map(close));
    },
  };
}
