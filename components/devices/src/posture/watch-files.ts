import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isCodedError } from '@countersign/kernel';
import { createRounds, type Logger } from '@countersign/runtime';
import type { PostureFeed } from '../config.ts';
import { longestReport } from './report.ts';
import type { ReportTaker } from './take-report.ts';

/** Files of a folder that are looked at; the rest waits until some are taken away. */
const mostFiles = 1_000;
const isReport = (name: string) => /^[\w.-]{1,200}\.(?:jwt|jws)$/.test(name);

/**
 * Looks at the files of feeds now and then: `path` is a file with a report, or a folder of files `*.jwt`, which are taken
 * in the order of their names. A file that was taken, or refused, is looked at again when it has changed. Nothing is
 * written or moved.
 */
export function watchFiles({
  feeds,
  take,
  everyMs,
  logger,
}: {
  readonly feeds: readonly PostureFeed[];
  readonly take: ReportTaker;
  readonly everyMs: number;
  readonly logger: Logger;
}): { look(): Promise<void>; stop(): Promise<void> } {
  /** By path: what the file was when it was last dealt with. */
  const dealtWith = new Map<string, string>();
  let stopped = false;

  async function lookAt(feed: PostureFeed): Promise<void> {
    const paths = await filesOf(feed.path ?? '');
    for (const known of dealtWith.keys())
      if (known.startsWith(`${feed.name} `) && !paths.includes(known.slice(feed.name.length + 1)))
        dealtWith.delete(known);
    for (const path of paths) {
      if (stopped) return;
      const { size, mtimeMs, ino } = await lstat(path);
      const state = `${size} ${mtimeMs} ${ino}`;
      const name = `${feed.name} ${path}`;
      if (dealtWith.get(name) === state) continue;
      await takeFile(feed, path, size);
      dealtWith.set(name, state);
    }
  }

  async function takeFile(feed: PostureFeed, path: string, size: number): Promise<void> {
    const fields = { feed: feed.name, path };
    if (size > longestReport + 2) {
      logger.warn({ ...fields, size }, 'file with postures is too long');
      return;
    }
    const text = (await readFile(path, 'utf8')).trim();
    try {
      const { taken, changed, unknown } = await take(text, { institution: feed.institution, fromFile: true });
      logger.info({ ...fields, taken, changed, unknown: unknown.length }, 'postures taken from a file');
    } catch (error) {
      if (!isCodedError(error) || error.category === 'unavailable') throw error;
      // After a start, and on every node but one, what was taken before is met again.
      const level = error.code === 'posture_report_old' ? 'debug' : 'warn';
      logger[level]({ ...fields, code: error.code, detail: error.detail }, 'file with postures was refused');
    }
  }

  async function lookAtAll(): Promise<void> {
    for (const feed of feeds) {
      if (feed.path === undefined || stopped) continue;
      await lookAt(feed).catch((error: unknown) =>
        logger.warn({ error, feed: feed.name, path: feed.path }, 'files with postures could not be read'),
      );
    }
  }

  const rounds = createRounds({ what: 'reading files with postures', work: lookAtAll, logger, everyMs });
  return {
    look: async () => rounds.join(),
    stop() {
      stopped = true;
      return rounds.stop();
    },
  };
}

/** Regular files alone: a name that leads elsewhere is not followed. */
async function filesOf(path: string): Promise<readonly string[]> {
  const found = await lstat(path);
  if (found.isFile()) return [path];
  if (!found.isDirectory()) return [];
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && isReport(entry.name))
    .map(({ name }) => name)
    .sort()
    .slice(0, mostFiles)
    .map((name) => join(path, name));
}
