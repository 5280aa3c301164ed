import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isCodedError } from '@countersign/kernel';
import { createRounds, type Logger } from '@countersign/runtime';
import type { PostureFeed } from '../config.ts';
import { longestReport } from './report.ts';
import type { ReportTaker } from './take-report.ts';

/** Files read from one folder; the rest waits until some are removed. */
const maxFiles = 1_000;
const isReport = (name: string) => /^[\w.-]{1,200}\.(?:jwt|jws)$/.test(name);

/** A feed's `path` is a report file, or a folder of `*.jwt` files, read in name order and again when changed. */
export function watchFiles(dependencies: {
  readonly feeds: readonly PostureFeed[];
  readonly take: ReportTaker;
  readonly everyMs: number;
  readonly logger: Logger;
}): { read(): Promise<void>; stop(): Promise<void> } {
  const { feeds, take, everyMs, logger } = dependencies;
  /** State of each file when it was last read. */
  const handled = new Map<string, string>();
  let stopped = false;

  async function readFeed(feed: PostureFeed): Promise<void> {
    const paths = await filesOf(feed.path ?? '');
    for (const known of handled.keys())
      if (known.startsWith(`${feed.name} `) && !paths.includes(known.slice(feed.name.length + 1)))
        handled.delete(known);
    for (const path of paths) {
      if (stopped) return;
      const { size, mtimeMs, ino } = await lstat(path);
      const state = `${size} ${mtimeMs} ${ino}`;
      const name = `${feed.name} ${path}`;
      if (handled.get(name) === state) continue;
      await takeFile(feed, path, size);
      handled.set(name, state);
    }
  }

  async function takeFile(feed: PostureFeed, path: string, size: number): Promise<void> {
    const fields = { feed: feed.name, path };
    if (size > longestReport + 2) {
      logger.warn({ ...fields, size }, 'posture file is too long');
      return;
    }
    const text = (await readFile(path, 'utf8')).trim();
    try {
      const { taken, changed, unknown } = await take(text, { institution: feed.institution, fromFile: true });
      logger.info({ ...fields, taken, changed, unknown: unknown.length }, 'postures read from a file');
    } catch (error) {
      if (!isCodedError(error) || error.category === 'unavailable') throw error;
      // After a start, and on all other nodes, the same file is read again.
      const level = error.code === 'posture_report_old' ? 'debug' : 'warn';
      logger[level]({ ...fields, code: error.code, detail: error.detail }, 'posture file was refused');
    }
  }

  const rounds = createRounds({
    what: 'posture files',
    logger,
    everyMs,
    async work() {
      for (const feed of feeds) {
        if (feed.path === undefined || stopped) continue;
        await readFeed(feed).catch((error: unknown) =>
          logger.warn({ error, feed: feed.name, path: feed.path }, 'posture files could not be read'),
        );
      }
    },
  });
  return {
    read: rounds.run,
    async stop() {
      stopped = true;
      await rounds.stop();
    },
  };
}

/** Regular files only: symbolic links are not followed. */
async function filesOf(path: string): Promise<readonly string[]> {
  const found = await lstat(path);
  if (found.isFile()) return [path];
  if (!found.isDirectory()) return [];
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && isReport(entry.name))
    .map(({ name }) => name)
    .sort()
    .slice(0, maxFiles)
    .map((name) => join(path, name));
}
