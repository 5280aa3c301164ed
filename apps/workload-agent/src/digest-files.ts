import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { agentErrors } from './errors.ts';

const mostFiles = 100_000;
const mostOctets = 8 * 1024 ** 3;

const unobservable = (detail: string, cause?: unknown) =>
  agentErrors.error('workload_unobservable', detail, cause === undefined ? {} : { cause });

/** SHA-256 of a file, hexadecimal. @throws CodedError `workload_unobservable` */
export async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  let octets = 0;
  try {
    for await (const chunk of createReadStream(path)) {
      octets += chunk.length;
      if (octets > mostOctets) throw unobservable(`The file ${path} is too large.`);
      hash.update(chunk);
    }
  } catch (error) {
    throw unobservable(`The file ${path} cannot be read.`, error);
  }
  return hash.digest('hex');
}

/** All files in a folder, in the order of their relative paths with slashes. Links are refused. */
async function filesBelow(root: string): Promise<readonly string[]> {
  const found: string[] = [];
  async function walk(folder: string): Promise<void> {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isSymbolicLink())
        throw unobservable(`${path} is a link. A measured folder may contain files and folders only.`);
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) found.push(path);
      else throw unobservable(`${path} is neither a file nor a folder.`);
      if (found.length > mostFiles) throw unobservable(`${root} has more than ${mostFiles} files.`);
    }
  }
  try {
    await walk(root);
  } catch (error) {
    throw unobservable(`The folder ${root} cannot be read completely.`, error);
  }
  return found.toSorted((one, other) => (named(root, one) < named(root, other) ? -1 : 1));
}

const named = (root: string, path: string): string => relative(root, path).split(sep).join('/');

/**
 * SHA-256 of a file, or of a folder: of the lines `<digest>  <relative path>` of its files in the order of their paths, as `sha256sum`
 * prints them.
 *
 * @throws CodedError `workload_unobservable`
 */
export async function digestTree(root: string): Promise<string> {
  const stat = await lstat(root).catch((error: unknown) => {
    throw unobservable(`${root} cannot be read.`, error);
  });
  if (stat.isFile()) return digestFile(root);
  const hash = createHash('sha256');
  for (const path of await filesBelow(root)) hash.update(`${await digestFile(path)}  ${named(root, path)}\n`);
  return hash.digest('hex');
}

/** Changes when a file is replaced, written, added or removed. Cheaper than the digest, but proves nothing. */
export async function fingerprintOf(root: string): Promise<string> {
  const stat = await lstat(root, { bigint: true }).catch(() => undefined);
  if (stat === undefined) return 'missing';
  const paths = stat.isDirectory() ? await filesBelow(root).catch(() => []) : [root];
  const hash = createHash('sha256');
  for (const path of paths) {
    const each = await lstat(path, { bigint: true }).catch(() => undefined);
    hash.update(`${path} ${each?.ino} ${each?.size} ${each?.mtimeNs} ${each?.ctimeNs}\n`);
  }
  return hash.digest('hex');
}
