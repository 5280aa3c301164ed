import { createRounds, type Logger } from '@countersign/runtime';
import { type CopyOrder, copyLog, type LogSource } from './copy-log.ts';
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
  readonly succession: () => Promise<NonNullable<CopyOrder['succession']>>;
  readonly logger: Logger;
}) {
  const { options, source, published, open, succession, logger } = dependencies;
  const folder: TileFolder = await openTileFolder(options.folder);
  let written: string | undefined;

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
      succession: await succession(),
    });
    written = note;
  }

  const rounds = createRounds({
    what: `publication of the log to ${options.folder}`,
    work: bring,
    logger,
    everyMs: options.everyMs ?? 1_000,
    level: 'error',
  });

  return {
    update: async (): Promise<void> => rounds.join(),
    async stop() {
      await rounds.stop();
      await bring().catch((error: unknown) =>
        logger.warn({ error, folder: options.folder }, 'the folder was not brought up to date while stopping'),
      );
      folder.release();
    },
  };
}

export type FolderPublisher = Awaited<ReturnType<typeof createFolderPublisher>>;

function raise(): never {
  throw new Error('the checkpoint of the folder changed while it was read');
}
