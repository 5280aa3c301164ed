import type { AuditLog, PrincipalId, StandingCheck, StandingReader } from '@countersign/contracts';
import { type AuthenticatorId, membersOf, parseId } from '@countersign/kernel';
import type pg from 'pg';
import type { Parts } from './dependencies.ts';
import { authenticatorClaim, everHadThing } from './row-claims.ts';
import type { StoredAuthenticator } from './stored-authenticator.ts';

/** Whether the directory has the key for another principal: a client, or for approvals. One key is one signer. */
export function isKeyOfAnother(
  { directory }: Pick<Parts, 'directory'>,
  { kid, person }: { readonly kid: string; readonly person: PrincipalId },
): boolean {
  const holder = directory.snapshot().keyHolder(kid);
  return holder !== undefined && holder !== person;
}

/** Active, with rows that agree with the log. */
export async function provenOf(
  standings: StandingCheck,
  all: readonly StoredAuthenticator[],
): Promise<readonly StoredAuthenticator[]> {
  const claims = all
    .filter(({ suspendedAt, removedAt }) => suspendedAt === undefined && removedAt === undefined)
    .map((authenticator) => ({ ...authenticatorClaim(authenticator), authenticator }));
  return (await standings.holding(claims)).map(({ authenticator }) => authenticator);
}

/** By the log, or by a row. */
export async function everHad(
  { standings, authenticators }: Pick<Parts, 'standings' | 'authenticators'>,
  session: pg.Pool | pg.PoolClient,
  person: PrincipalId,
): Promise<boolean> {
  const thing = everHadThing(person);
  return (await standings.standing([thing])).has(thing) || (await authenticators.everHad(session, person));
}

/** By the log. Only its row may be missing, since each registration waits for the row of the previous one. */
export async function lastRegistered(
  log: StandingReader & Pick<AuditLog, 'find'>,
  person: PrincipalId,
): Promise<AuthenticatorId | undefined> {
  const thing = everHadThing(person);
  const newest = (await log.standings([thing])).get(thing);
  const found = newest === undefined ? undefined : await log.find(newest.record);
  return parseId('authenticator', membersOf(found?.record.data)?.['authenticator']);
}

/** @throws Behind if it has to be written first */
export async function requireRegisteredWritten(
  { audit, things }: Pick<Parts, 'audit' | 'things'>,
  session: pg.PoolClient,
  person: PrincipalId,
): Promise<void> {
  const last = await lastRegistered(audit, person);
  if (last !== undefined) await things.requireWritten(session, last);
}
