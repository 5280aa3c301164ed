import type { Logger } from '@countersign/runtime';
import { copyLog, type LogSource } from './copy-log.ts';
import type { Head } from './head-guard.ts';
import { openTileFolder, type TileFolder } from './tile-folder.ts';

export interface FolderPublishing {
  readonly folder: string;
  readonly entries: boolean;
  /** How often the folder is updated, in milliseconds; 1,000 by default. */
  readonly everyMs?: number;
}

/** @throws CodedError `log_folder_unusable` */
export async function createFolderPublisher(dependencies: {
  readonly options: FolderPublishing;
  readonly source: LogSource;
  readonly published: () => Promise<string | undefined>;
  readonly open: (note: string) => Promise<Head>;
  readonly logger: Logger;
}) {
  const { options, source, published, open, logger } = dependencies;
  const folder: TileFolder = await openTileFolder(options.folder);
  let written: string | undefined;
  let running: Promise<void> | undefined;
  let failed = false;

  async function bring(): Promise<void> {
    const note = await published();
    if (note === undefined || note === written) return;
    const held = await folder.checkpoint();
    const heads = new Map<string, Head>();
    for (const known of [note, held]) if (known !== undefined) heads.set(known, await open(known));
    await copyLog({
      folder,
      source,
      note,
      open: (known) => heads.get(known) ?? raise(),
      entries: options.entries,
    });
    written = note;
    if (failed) logger.warn({ folder: options.folder }, 'the log is published to its folder again');
    failed = false;
  }

  function update(): Promise<void> {
    running ??= bring().finally(() => {
      running = undefined;
    });
    return running;
  }

  const timer = setInterval(() => {
    update().catch((error: unknown) => {
      if (!failed) logger.error({ error, folder: options.folder }, 'the log is not published to its folder');
      failed = true;
    });
  }, options.everyMs ?? 1_000);
  timer.unref();

  return {
    update,
    async stop() {
      clearInterval(timer);
      await running?.catch(() => undefined);
      await update().catch((error: unknown) =>
        logger.warn({ error, folder: options.folder }, 'the folder was not brought up to date while stopping'),
      );
      folder.release();
    },
  };
}

export type FolderPublisher = Awaited<ReturnType<typeof createFolderPublisher>>;

function raise(): never {
  throw new Error('the checkpoint of the folder was changed while it was looked at');
}
