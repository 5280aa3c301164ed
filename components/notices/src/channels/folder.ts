import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError } from '@countersign/kernel';
import type { NoticeChannel } from './channel.ts';

const maxFiles = 10_000;

/**
 * The firm's own system takes the files, one for each notice: `{id}.json`. Each appears completely or not at all. A
 * folder with ten thousand files is full.
 */
export function createFolderChannel({
  name,
  folder,
}: {
  readonly name: string;
  readonly folder: string;
}): NoticeChannel {
  return {
    name,
    async send({ id, body }) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      if ((await readdir(folder)).length >= maxFiles)
        throw new CodedError({
          code: 'notice_folder_full',
          category: 'unavailable',
          detail: `The folder of the channel ${name} holds ${maxFiles} files. Check the system that collects them.`,
        });
      const path = join(folder, `${id}.json`);
      const temporary = `${path}.new`;
      try {
        const file = await open(temporary, 'w', 0o600);
        try {
          await file.writeFile(`${body}\n`);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },
  };
}
