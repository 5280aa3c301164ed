import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseJson } from '@countersign/kernel';
import { createFileDurably, makeFolder, systemErrorCode } from '@countersign/runtime';
import { embeddedPostgresErrors } from './errors.ts';
import { chooseServerAccount, firstClosedFolder, type ServerAccount } from './server-account.ts';

/** Location of the data, a real path. Under `folder`: `cluster` (PostgreSQL's own), `password`, `owner.lock`, `server.log`. */
export interface DataLocation {
  readonly folder: string;
  readonly account: ServerAccount;
  /** Explanations for people why the data is not in the requested folder. */
  readonly notes: readonly string[];
}

/** File in the requested folder that names the actual folder. */
const pointerFile = 'database-is-elsewhere.json';
/** File in the actual folder that confirms that the pointer refers to it. */
const markerFile = 'countersign-database.json';

export const clusterIn = (folder: string): string => join(folder, 'cluster');

/**
 * Finds or chooses the place of the data: the requested folder, unless the server's account cannot work
 * there (a checkout under a home of mode 0700 while we run as root, a file system without owners). Then a
 * folder under one of `fallbackRoots`, remembered by a pointer in the requested folder so that every later
 * start finds the same data.
 *
 * @throws CodedError `database_folder_missing` when the pointer leads nowhere: an empty database in place of
 *   a lost one would be taken for the real thing. `database_folder_unusable` when no place works.
 */
export function locateData(
  requestedFolder: string,
  fallbackRoots: readonly string[] = defaultFallbackRoots(),
): DataLocation {
  const requestedPath = resolve(requestedFolder);
  // The server's account only needs to enter it; only root lists it.
  makeFolder(requestedPath, process.getuid?.() === 0 ? 0o711 : 0o700);
  const requested = realpathSync(requestedPath);

  const pointer = readPointer(requested);
  if (pointer !== undefined) return follow(pointer, requested);

  if (existsSync(clusterIn(requested))) {
    const account = chooseServerAccount(statSync(clusterIn(requested)));
    const closed = firstClosedFolder(requested, account);
    if (closed === undefined) return { folder: requested, account, notes: [] };
    throw embeddedPostgresErrors.error(
      'database_folder_unusable',
      `The database in ${requested} cannot be reached by the account PostgreSQL runs under, which may not enter ${closed}. Allow it to pass (chmod o+x ${closed}).`,
    );
  }

  const account = chooseServerAccount();
  const reason = whyUnusable(requested, account);
  return reason === undefined
    ? { folder: requested, account, notes: [] }
    : placeInFallback(requested, reason, account, fallbackRoots);
}

function defaultFallbackRoots(): string[] {
  if (process.platform === 'win32') return [join(process.env['LOCALAPPDATA'] ?? homedir(), 'countersign', 'data')];
  if (process.getuid?.() === 0) return ['/var/lib/countersign/data', '/srv/countersign/data'];
  return [join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'countersign', 'data')];
}

/**
 * Tests the folder in practice: PostgreSQL needs a folder of its own account with mode 0700, and the account must be able to
 * enter it.
 */
function whyUnusable(folder: string, account: ServerAccount): string | undefined {
  const closed = firstClosedFolder(folder, account);
  if (closed !== undefined) return `the account PostgreSQL runs under may not enter ${closed}`;
  const trial = join(folder, `.trial-${randomBytes(6).toString('hex')}`);
  try {
    mkdirSync(trial);
    if (account !== 'self') chownSync(trial, account.uid, account.gid);
    chmodSync(trial, 0o700);
    const { uid, mode } = statSync(trial);
    const kept =
      process.platform === 'win32' || ((mode & 0o777) === 0o700 && (account === 'self' || uid === account.uid));
    return kept ? undefined : `the file system of ${folder} does not keep owners and modes`;
  } catch (error) {
    // On a full disk, another folder does not help.
    if (systemErrorCode(error) === 'ENOSPC') throw error;
    return `${folder} cannot be written to (${systemErrorCode(error) ?? 'unknown'})`;
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
}

function placeInFallback(
  requested: string,
  reason: string,
  account: ServerAccount,
  roots: readonly string[],
): DataLocation {
  const problems: string[] = [reason];
  for (const root of roots) {
    const id = randomBytes(16).toString('hex');
    // The name holds the requested path for people, and a random part, so that a new checkout never finds the data of a deleted one.
    const folder = join(root, `${createHash('sha256').update(requested).digest('hex').slice(0, 8)}-${id.slice(0, 8)}`);
    try {
      makeFolder(folder, 0o711);
      const problem = whyUnusable(folder, account);
      if (problem !== undefined) {
        problems.push(problem);
        rmSync(folder, { recursive: true, force: true });
        continue;
      }
      createFileDurably(join(folder, markerFile), JSON.stringify({ id, requested }), 0o600);
    } catch (error) {
      if (systemErrorCode(error) === 'ENOSPC') throw error;
      problems.push(`${folder} cannot be made (${systemErrorCode(error) ?? 'unknown'})`);
      continue;
    }
    if (!createFileDurably(join(requested, pointerFile), JSON.stringify({ folder, id }, null, 2), 0o600)) {
      // A concurrent start created the folder first; use that one.
      rmSync(folder, { recursive: true, force: true });
      const pointer = readPointer(requested);
      if (pointer !== undefined) return follow(pointer, requested);
    }
    return { folder: realpathSync(folder), account, notes: [elsewhereNote(folder, requested, reason)] };
  }
  throw embeddedPostgresErrors.error(
    'database_folder_unusable',
    `There is no place for the database: ${problems.join('; ')}. Name a folder the server's account can work in, or set DATABASE_URL to your own PostgreSQL.`,
  );
}

interface Pointer {
  readonly folder: string;
  readonly id: string;
}

function readPointer(requested: string): Pointer | undefined {
  const path = join(requested, pointerFile);
  const pointer = readMembers(path, ['folder', 'id']);
  if (pointer === 'absent') return undefined;
  if (pointer !== 'malformed') return { folder: pointer['folder'] ?? '', id: pointer['id'] ?? '' };
  throw embeddedPostgresErrors.error(
    'database_folder_missing',
    `${path} should say where the database is, but cannot be read as such. Restore it.`,
  );
}

function follow(pointer: Pointer, requested: string): DataLocation {
  const marker = readMembers(join(pointer.folder, markerFile), ['id']);
  if (typeof marker === 'string' || marker['id'] !== pointer.id)
    throw embeddedPostgresErrors.error(
      'database_folder_missing',
      `The database of ${requested} lies in ${pointer.folder}, and is not there. Restore that folder; or, if the data may be given up, remove ${join(requested, pointerFile)} to start with an empty database.`,
    );
  const cluster = clusterIn(pointer.folder);
  const account = chooseServerAccount(existsSync(cluster) ? statSync(cluster) : undefined);
  return { folder: realpathSync(pointer.folder), account, notes: [elsewhereNote(pointer.folder, requested)] };
}

function elsewhereNote(folder: string, requested: string, reason?: string): string {
  return `The database lies in ${folder}, not in ${requested}${reason === undefined ? '' : `, because ${reason}`}; ${pointerFile} there remembers this.`;
}

function readMembers(path: string, names: readonly string[]): Record<string, string> | 'absent' | 'malformed' {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return 'absent';
    throw error;
  }
  const parsed = parseJson(text, { maxLength: 16_384 });
  if (!parsed.ok || typeof parsed.value !== 'object' || parsed.value === null) return 'malformed';
  const members: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed.value)) if (typeof value === 'string') members[name] = value;
  return names.every((name) => name in members) ? members : 'malformed';
}
