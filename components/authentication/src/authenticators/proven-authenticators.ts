import type { AuditLog, PrincipalId, StandingCheck, StandingReader } from '@countersign/contracts';
import { type AuthenticatorId, membersOf, parseId } from '@countersign/kernel';
import type pg from 'pg';
import type { Parts } from './dependencies.ts';
import { authenticatorClaim, everHadThing } from './row-claims.ts';
import type { StoredAuthenticator } from './stored-authenticator.ts';

/**
 * Whether the directory has a key as that of another principal: of a client, or for approvals. Whoever signs with one
 * key is one person; two people's words need two.
 */
export function isSomebodyElses(
  { directory }: Pick<Parts, 'directory'>,
  { kid, person }: { readonly kid: string; readonly person: PrincipalId },
): boolean {
  const holder = directory.snapshot().keyHolder(kid);
  return holder !== undefined && holder !== person;
}

/** The active authenticators whose rows agree with the log. */
export async function provenOf(
  standings: StandingCheck,
  all: readonly StoredAuthenticator[],
): Promise<readonly StoredAuthenticator[]> {
  const claims = all
    .filter(({ suspendedAt, removedAt }) => suspendedAt === undefined && removedAt === undefined)
    .map((authenticator) => ({ ...authenticatorClaim(authenticator), authenticator }));
  return (await standings.holding(claims)).map(({ authenticator }) => authenticator);
}

/** Whether a person has or ever had an authenticator: by the log, or by a row. */
export async function everHad(
  { standings, authenticators }: Pick<Parts, 'standings' | 'authenticators'>,
  session: pg.Pool | pg.PoolClient,
  person: PrincipalId,
): Promise<boolean> {
  const thing = everHadThing(person);
  return (await standings.standing([thing])).has(thing) || (await authenticators.everHad(session, person));
}

/**
 * The key that a person registered last, by the log; the only one whose row may still have to be written, since a further one is
 * registered once that of the one before is there.
 */
export async function lastRegistered(
  log: StandingReader & Pick<AuditLog, 'find'>,
  person: PrincipalId,
): Promise<AuthenticatorId | undefined> {
  const thing = everHadThing(person);
  const newest = (await log.standings([thing])).get(thing);
  const found = newest === undefined ? undefined : await log.find(newest.record);
  return parseId('authenticator', membersOf(found?.record.data)?.['authenticator']);
}

/** Requires the row of the newest key to exist. @throws Behind if it has to be written first */
export async function requireRegisteredWritten(
  { audit, things }: Pick<Parts, 'audit' | 'things'>,
  session: pg.PoolClient,
  person: PrincipalId,
): Promise<void> {
  const last = await lastRegistered(audit, person);
  if (last !== undefined) await things.requireWritten(session, last);
}
