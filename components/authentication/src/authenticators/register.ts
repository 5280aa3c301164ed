import {
  type Actor,
  type Authenticator,
  type AuthenticatorRegister,
  authenticatorErrors,
  type EnrolmentInvitation,
  ended,
  type PrincipalId,
  standing,
} from '@countersign/contracts';
import { type AuthenticatorId, newId, toInstant, visibleLine } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import { authenticatorThing, invitationClaim, invitationThing, lockThing } from '../row-claims.ts';
import { hashOfSecret, newSecret } from '../secret.ts';
import { en } from '../texts/en.ts';
import { aboutPerson } from './about.ts';
import type { Parts } from './dependencies.ts';
import { authenticatorName } from './name.ts';
import { everHad, provenOf } from './proven-authenticators.ts';
import { done, refused, renamed } from './records.ts';
import { type StoredAuthenticator, shownAuthenticator } from './stored-authenticator.ts';

const usualHours = 24;
const mostHours = 72;
const mostEvidence = 10;
const longestEvidence = 200;
const longestReason = 400;
/** While an account is locked policies give nobody else's word for its person either; a signal ends after a year at most. */
const signalMs = 365 * 86_400_000;

/** What is done to the authenticators of people, by themselves and by those who look after accounts. */
export interface AuthenticatorKeeping extends AuthenticatorRegister {
  /**
   * A person takes one of theirs away, or gives it another name, having just signed that they do.
   *
   * @throws CodedError `authenticator_not_found`, `authenticator_last`
   */
  removeOwn(person: PrincipalId, id: AuthenticatorId): Promise<void>;
  /** As {@link revokeAllOf}, and what was had with them ends too: sessions, tokens. Repeating it goes on. */
  disarm(person: PrincipalId, by: Actor, reason: string): Promise<number>;
  renameOwn(person: PrincipalId, id: AuthenticatorId, name: string): Promise<Authenticator>;
  /** As {@link revokeAllOf}, of those that were registered until then; for somebody who left. Nobody is told. */
  endOfLeaver(person: PrincipalId, by: Actor, reason: string, untilMs: number): Promise<number>;
}

export function createRegister(parts: Parts): AuthenticatorKeeping {
  const { pool, audit, standings, directory, clock, random, logger, notices, signals, cutOff, endUnbacked } = parts;
  const { authenticators, invitations, locks } = parts;

  const tell = (to: PrincipalId, kind: 'authenticator-removed' | 'account-locked' | 'account-unlocked', text: string) =>
    notices?.tell({ id: newId('notice', parts), to, kind, text });

  /** Runs alone among all that changes the authenticators of this person. */
  function alone<Result>(person: PrincipalId, work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    return transaction(pool, async (client) => {
      await authenticators.lockPerson(client, person, random.bytes(32));
      return work(client);
    });
  }

  async function remove(
    client: pg.PoolClient,
    { id, person, name, recordId }: StoredAuthenticator,
    by: Actor,
    reason: string,
    isTold = true,
  ): Promise<void> {
    const about = aboutPerson(directory, person);
    const data = { authenticator: id, reason };
    await audit.append(
      done(
        newId('record', parts),
        'authenticator.removed',
        about,
        by,
        data,
        [ended(authenticatorThing(id)), ended(invitationThing(person))],
        [recordId],
      ),
    );
    if (isTold) await tell(person, 'authenticator-removed', en.notices.removed(name));
    await authenticators.remove(client, id, clock.now());
  }

  async function revokeThose(
    person: PrincipalId,
    by: Actor,
    reason: string,
    which: (authenticator: StoredAuthenticator) => boolean,
    isTold: boolean,
  ): Promise<number> {
    return alone(person, async (client) => {
      // First the links: none of them may open a door between two of the steps below.
      await invitations.endAllOf(client, person, clock.now());
      const theirs = (await authenticators.ofPerson(client, person)).filter(which);
      for (const each of theirs) await remove(client, each, by, reason, isTold);
      return theirs.length;
    });
  }

  /** What cannot be ended now opens nothing all the same, and is ended later. */
  async function endStandingOnIt(person: PrincipalId): Promise<void> {
    await endUnbacked?.(person).catch((error: unknown) =>
      logger.warn({ error, person }, 'the sessions of a key that is gone could not be ended'),
    );
  }

  /** Somebody tried to get a person a key whom only a recovery gives one: on record before it is told. */
  async function refuseInvitation(
    person: PrincipalId,
    by: Actor,
    code: 'account_locked' | 'recovery_needed',
    detail: string,
  ): Promise<never> {
    const about = aboutPerson(directory, person);
    await audit.append(
      refused(newId('record', parts), code, { about, by, ceremony: 'invitation', address: undefined }),
    );
    throw authenticatorErrors.error(code, detail);
  }

  function ownOf(theirs: readonly StoredAuthenticator[], id: AuthenticatorId): StoredAuthenticator {
    const own = theirs.find((each) => each.id === id);
    if (own === undefined) throw authenticatorErrors.error('authenticator_not_found', 'You have no such key.');
    return own;
  }

  return {
    async of(person) {
      const all = await authenticators.ofPerson(pool, person);
      const proven = new Set(await provenOf(standings, all));
      // One that is suspended counts for nothing anyway.
      return all.filter((each) => proven.has(each) || each.suspendedAt !== undefined).map(shownAuthenticator);
    },
    everHad: (person) => everHad(parts, pool, person),
    async invitersOf(person) {
      // From the log: a row that is gone or changed hides nobody.
      const invited = await audit.query({ person, types: ['authenticator.invited'] });
      const inviters = invited
        .filter(({ record }) => record.subject?.id === person)
        .flatMap(({ record: { actors = [] } }) => actors.slice(0, 1).map(({ id }) => id));
      return [...new Set(inviters)].sort();
    },

    async invite({ person, evidence, lifeHours = usualHours, recovery }, by): Promise<EnrolmentInvitation> {
      const references = evidence.map((each) => plain(each, longestEvidence));
      if (references.length === 0 || references.length > mostEvidence)
        throw malformed(`Name what proved who the person is, in 1 to ${mostEvidence} references.`);
      if (!Number.isInteger(lifeHours) || lifeHours < 1 || lifeHours > mostHours)
        throw malformed(`An invitation stands for 1 to ${mostHours} hours.`);
      return alone(person, async (client) => {
        if (await locks.isLocked(client, person))
          return refuseInvitation(person, by, 'account_locked', 'The account is locked. Unlock it first.');
        const barred =
          recovery === undefined
            ? await everHad(parts, client, person)
            : (await authenticators.ofPerson(client, person)).length > 0;
        if (barred)
          return refuseInvitation(
            person,
            by,
            'recovery_needed',
            'This person has a key, or had one. They add another with what they have, or a recovery is opened for them.',
          );
        const now = clock.now();
        const expiresAt = now + lifeHours * 3_600_000;
        const recordId = newId('record', parts);
        const data = {
          evidence: references,
          expires_at: toInstant(expiresAt),
          ...(recovery === undefined ? {} : { recovery }),
        };
        const rests = recovery === undefined ? [] : [recovery];
        const secret = newSecret(random);
        const secretHash = hashOfSecret(secret);
        const invitation = {
          ...{ person, invitedBy: by.id, recordId, expiresAt },
          ...(recovery === undefined ? {} : { recovery }),
        };
        const { of, content } = invitationClaim(invitation, secretHash);
        const about = aboutPerson(directory, person);
        await audit.append(done(recordId, 'authenticator.invited', about, by, data, [standing(of, content)], rests));
        // One link at a time: a new one ends those that went astray.
        await invitations.endAllOf(client, person, now);
        await invitations.insert(client, secretHash, invitation);
        return { path: `/enrol/${secret}`, expiresAt: toInstant(expiresAt), recordId };
      });
    },

    async revoke(id, by, reason) {
      const why = plain(reason, longestReason);
      const { person } = await transaction(pool, async (client) => {
        const stored = await authenticators.lockById(client, id);
        if (stored === undefined || stored.removedAt !== undefined)
          throw authenticatorErrors.error('authenticator_not_found', 'There is no such key, or it was removed.');
        await remove(client, stored, by, why);
        return stored;
      });
      await endStandingOnIt(person);
      // What was had with it by who may have stolen it, nobody can tell from what the person has.
      await cutOff(person, 'authenticator_removed');
    },
    async revokeAllOf(person, by, reason) {
      return revokeThose(person, by, plain(reason, longestReason), () => true, true);
    },
    async disarm(person, by, reason) {
      const revoked = await this.revokeAllOf(person, by, reason);
      await endStandingOnIt(person);
      // Also when there was none any more: what failed then is carried through now.
      await cutOff(person, 'authenticator_removed');
      return revoked;
    },
    async endOfLeaver(person, by, reason, untilMs) {
      const until = toInstant(untilMs);
      return revokeThose(person, by, reason.slice(0, longestReason), (each) => each.registeredAt <= until, false);
    },

    async removeOwn(person, id) {
      await alone(person, async (client) => {
        const theirs = await authenticators.ofPerson(client, person);
        const own = ownOf(theirs, id);
        if (!theirs.some((other) => other.id !== own.id && other.suspendedAt === undefined))
          throw authenticatorErrors.error(
            'authenticator_last',
            'This is your last key. Register another one first; if it is lost, ask for a recovery.',
          );
        const { institution } = aboutPerson(directory, person);
        await remove(
          client,
          own,
          { id: person, ...(institution === undefined ? {} : { institution }) },
          'by_its_person',
        );
      });
      await endStandingOnIt(person);
    },
    async renameOwn(person, id, name) {
      return alone(person, async (client) => {
        const theirs = await authenticators.ofPerson(client, person);
        const own = ownOf(theirs, id);
        const given = { ...own, name: authenticatorName(name, theirs.indexOf(own) + 1) };
        await audit.append(renamed(newId('record', parts), aboutPerson(directory, person), given));
        await authenticators.rename(client, id, given.name);
        return shownAuthenticator(given);
      });
    },

    async lock(person, by, reason) {
      const why = plain(reason, longestReason);
      await alone(person, async (client) => {
        if (await locks.isLocked(client, person)) return;
        const recordId = newId('record', parts);
        const about = aboutPerson(directory, person);
        const locked = standing(lockThing(person), true);
        await audit.append(done(recordId, 'account.locked', about, by, { reason: why }, [locked]));
        await tell(person, 'account-locked', en.notices.locked);
        await locks.insert(client, person, recordId, clock.now());
      });
      // Also when it was locked before: what failed then is carried through now.
      await signals?.raise({
        person,
        name: 'account-disabled',
        until: toInstant(clock.now() + signalMs),
        why: 'the account was locked',
      });
      await cutOff(person, 'account_locked');
    },
    async unlock(person, by, reason) {
      const why = plain(reason, longestReason);
      await alone(person, async (client) => {
        if (!(await locks.isLocked(client, person))) return;
        const about = aboutPerson(directory, person);
        const unlocked = ended(lockThing(person));
        await audit.append(done(newId('record', parts), 'account.unlocked', about, by, { reason: why }, [unlocked]));
        await tell(person, 'account-unlocked', en.notices.unlocked);
        await locks.remove(client, person);
      });
      await signals?.clear(person, 'account-disabled', by.id);
    },
    isLocked: (person) => locks.isLockedNow(person),
  };
}

/** Text of one line that says something. @throws CodedError `invitation_malformed` */
function plain(text: string, longest: number): string {
  const line = visibleLine(text, longest);
  if (line === undefined) throw malformed(`References and reasons are one line of text of 1 to ${longest} characters.`);
  return line;
}

function malformed(detail: string): Error {
  return authenticatorErrors.error('invitation_malformed', detail);
}
