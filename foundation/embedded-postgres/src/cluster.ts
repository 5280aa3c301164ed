import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { syncFolder, systemErrorCode, writeFileDurably } from '@countersign/runtime';
import { clusterIn } from './data-location.ts';
import { diskFull, embeddedPostgresErrors } from './errors.ts';
import { type PostgresRuntime, serverEnvironment } from './runtime-copy.ts';
import { asAccount, type ServerAccount } from './server-account.ts';

export const superuser = 'countersign';
const initTimeoutMs = 180_000;

/**
 * Creates the PostgreSQL cluster in `folder` on the first start; on later starts, checks that these programs can open it. An
 * interrupted first start leaves only a temporary folder, which the next start removes: `cluster` appears complete, by a rename.
 *
 * @returns the superuser's password, stored in `folder/password` with mode 0600.
 * @throws CodedError `postgres_init_failed`, `postgres_version_mismatch`, `postgres_password_missing`, `database_disk_full`
 */
export async function prepareCluster(options: {
  readonly folder: string;
  readonly account: ServerAccount;
  readonly runtime: PostgresRuntime;
  readonly onProgress: (message: string) => void;
}): Promise<{ password: string }> {
  const { folder, runtime } = options;
  for (const name of readdirSync(folder)) {
    if (name.startsWith('cluster.new-')) rmSync(join(folder, name), { recursive: true, force: true, maxRetries: 3 });
  }
  if (existsSync(clusterIn(folder))) {
    checkVersion(folder, runtime);
    return { password: readPassword(folder) };
  }
  options.onProgress('Creating the database (first start)');
  // Write the password before the cluster: a cluster without its password could not be opened.
  const password = randomBytes(32).toString('base64url');
  writeFileDurably(join(folder, 'password'), password, 0o600);
  await initialise(options, password);
  return { password };
}

async function initialise(
  {
    folder,
    account,
    runtime,
  }: { readonly folder: string; readonly account: ServerAccount; readonly runtime: PostgresRuntime },
  password: string,
): Promise<void> {
  const building = join(folder, `cluster.new-${randomBytes(6).toString('hex')}`);
  const passwordFile = `${building}.password`;
  try {
    mkdirSync(building);
    chmodSync(building, 0o700);
    writeFileSync(passwordFile, password, { mode: 0o600, flag: 'wx' });
    if (account !== 'self') {
      chownSync(building, account.uid, account.gid);
      chownSync(passwordFile, account.uid, account.gid);
    }
    const output = await runInitdb(runtime, account, building, passwordFile);
    if (output !== undefined) throw initFailure(folder, output);
    renameSync(building, clusterIn(folder));
    syncFolder(folder);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(building, { recursive: true, force: true, maxRetries: 3 });
  }
}

/**
 *
 * @returns undefined on success, otherwise the end of its output
 */
function runInitdb(
  runtime: PostgresRuntime,
  account: ServerAccount,
  target: string,
  passwordFile: string,
): Promise<string | undefined> {
  const args = [
    ...['-D', target, '--username', superuser, '--pwfile', passwordFile],
    ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C', '--no-instructions'],
  ];
  return new Promise((resolve) => {
    const child = spawn(runtime.bin('initdb'), args, {
      ...asAccount(account),
      cwd: target,
      env: serverEnvironment,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: initTimeoutMs,
    });
    let output = '';
    const hear = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-4000);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', (error) => resolve(`${output}\n${error.message}`));
    child.on('close', (code, signal) => resolve(code === 0 ? undefined : `${output}\nended with ${signal ?? code}`));
  });
}

function initFailure(folder: string, output: string): Error {
  if (/No space left on device|quota exceeded/i.test(output)) return diskFull(folder);
  const lastLine =
    output
      .trim()
      .split('\n')
      .findLast((line) => /error|fatal/i.test(line)) ?? output.trim().split('\n').at(-1);
  return embeddedPostgresErrors.error(
    'postgres_init_failed',
    `PostgreSQL could not create its data folder in ${folder}: ${lastLine ?? 'no reason given'}. Remove the cause and start again, or set DATABASE_URL to your own PostgreSQL.`,
    { internal: output },
  );
}

function checkVersion(folder: string, runtime: PostgresRuntime): void {
  const path = join(clusterIn(folder), 'PG_VERSION');
  let found: string;
  try {
    found = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    throw embeddedPostgresErrors.error(
      'database_folder_missing',
      `${clusterIn(folder)} exists but holds no PostgreSQL data (PG_VERSION is missing). Restore it; or, if there is nothing to keep, remove it to start with an empty database.`,
    );
  }
  if (found === String(runtime.major)) return;
  throw embeddedPostgresErrors.error(
    'postgres_version_mismatch',
    `The data in ${folder} was written by PostgreSQL ${found}; this release brings PostgreSQL ${runtime.version}. Dump it with the release that wrote it (pg_dumpall) and restore it into a new data folder, or run pg_upgrade.`,
  );
}

function readPassword(folder: string): string {
  const path = join(folder, 'password');
  try {
    const password = readFileSync(path, 'utf8').trim();
    if (password !== '') return password;
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
  throw embeddedPostgresErrors.error(
    'postgres_password_missing',
    `The password of the database is missing: ${path}. Restore it from the backup that holds the data folder.`,
  );
}
