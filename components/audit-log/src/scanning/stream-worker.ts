import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createBulkReader } from '../store/bulk-reader.ts';
import { givePages, longestSilenceMs } from './give-pages.ts';
import { askKeeper, createLentKeyRing } from './keeper-client.ts';
import { createPageReader } from './page-reader.ts';
import type { StreamTask } from './thread-messages.ts';

// The thread of a stream: it reads and opens records on its own connection and ends with its reader.

if (parentPort !== null) await run(parentPort, workerData);

async function run(parent: MessagePort, { connection, consumer, ...task }: StreamTask): Promise<void> {
  const reader = createBulkReader(connection);
  const end = async (): Promise<never> => {
    await reader.end();
    consumer.close();
    return process.exit(0);
  };
  consumer.on('close', () => void end());
  const keeper = askKeeper(parent);
  const keys = createLentKeyRing({ keeper, now: () => performance.now() });
  const pages = createPageReader({ reader, keys, keeper, ...task });
  await givePages(consumer, pages, () => reader.connect(), longestSilenceMs);
  await end();
}
