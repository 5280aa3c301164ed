import type { PrincipalId, StandingCheck } from '@countersign/contracts';
import type pg from 'pg';
import { authenticatorClaim, everHadThing } from '../row-claims.ts';
import type { Parts } from './dependencies.ts';
import type { StoredAuthenticator } from './stored-authenticator.ts';

/** Of these, those that may count: neither suspended nor removed, and in the log as they are here. */
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
