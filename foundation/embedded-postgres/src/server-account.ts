import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { embeddedPostgresErrors } from './errors.ts';

/** The unprivileged account a server runs under when we are root; `self` when we are not. */
export type ServerAccount = 'self' | { readonly uid: number; readonly gid: number };

/**
 * The server's account when started as root, because PostgreSQL refuses to run as root. The account must already exist (initdb
 * looks up its own name): the owner of existing data, else `postgres`, which is made for this, else `nobody`.
 *
 * @param owner of data that exists already, so that a later change of accounts does not lock us out.
 * @throws CodedError `postgres_account_missing`
 */
export function chooseServerAccount(owner?: { readonly uid: number; readonly gid: number }): ServerAccount {
  if (process.getuid?.() !== 0) return 'self';
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const account = accountNamed('postgres') ?? accountNamed('nobody');
  if (account !== undefined) return account;
  throw embeddedPostgresErrors.error(
    'postgres_account_missing',
    'Started as root, but PostgreSQL must not run as root and there is neither an account "postgres" nor "nobody" to run it under. Start as another user, or set DATABASE_URL to your own PostgreSQL.',
  );
}

function accountNamed(name: string): { uid: number; gid: number } | undefined {
  let accounts: string;
  try {
    accounts = readFileSync('/etc/passwd', 'utf8');
  } catch {
    return undefined;
  }
  for (const line of accounts.split('\n')) {
    const [login, , uid, gid] = line.split(':');
    if (login === name && Number(uid) > 0 && Number.isInteger(Number(gid)))
      return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** The first folder of the path that the account may not enter, or undefined. Decided by mode bits; supplementary groups do not count,
 * because the child is started without any. */
export function firstClosedFolder(folder: string, account: ServerAccount): string | undefined {
  if (account === 'self') return undefined;
  const way: string[] = [];
  for (let at = realpathSync(folder); ; at = dirname(at)) {
    way.unshift(at);
    if (at === dirname(at)) break;
  }
  return way.find((at) => {
    const { uid, gid, mode } = statSync(at);
    const enter = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    return (mode & enter) === 0;
  });
}

/** Spawn options that start a child under the account. */
export function asAccount(account: ServerAccount): { uid?: number; gid?: number } {
  return account === 'self' ? {} : { uid: account.uid, gid: account.gid };
}
