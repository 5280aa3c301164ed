import {
  type Actor,
  type Authenticator,
  type AuthenticatorRegister,
  authenticatorErrors,
  type EnrolmentInvitation,
  type PrincipalId,
} from '@countersign/contracts';
import { type AuthenticatorId, defined, newId, toInstant, visibleLine } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import { hashOfSecret, newSecret } from '../secret.ts';
import type { Parts } from './dependencies.ts';
import { createInvitationCommands } from './invitation-commands.ts';
import { createLockCommands } from './lock-commands.ts';
import { everHad, lastRegistered, provenOf } from './proven-authenticators.ts';
import { aboutPerson, renamed } from './records.ts';
import { createRemoval, type RemovalAsk, unknownKey } from './removal.ts';
import { authenticatorName, type StoredAuthenticator, shownAuthenticator } from './stored-authenticator.ts';

const usualHours = 24;
const mostHours = 72;
const mostEvidence = 10;
const longestEvidence = 200;
const longestReason = 400;
/** The signal that accompanies a lock; signals last a year at most. */
const signalMs = 365 * 86_400_000;

/** Changes to authenticators, by their owners and by account administrators. */
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
  const { pool, audit, standings, directory, clock, random, logger, signals, cutOff, endUnbacked } = parts;
  const { authenticators, locks, commands, things } = parts;
  const removal = createRemoval(parts);
  const links = createInvitationCommands(parts);
  const accounts = createLockCommands(parts);

  /** Runs `work` while no other change to the authenticators of this person can run. */
  function alone<Result>(person: PrincipalId, work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    return transaction(pool, async (client) => {
      await authenticators.lockPerson(client, person, random.bytes(32));
      return work(client);
    });
  }

  async function revokeThose(
    person: PrincipalId,
    by: Actor,
    reason: string,
    which: (authenticator: StoredAuthenticator) => boolean,
    how: Pick<RemovalAsk, 'isQuiet'> = {},
  ): Promise<number> {
    // Invitations end first, so that none can be used between the steps below.
    await commands.run(links.close, { person, by, reason });
    let removed = 0;
    // Repeated until none is left: a key may have been used to add another before it was removed.
    for (;;) {
      const last = await lastRegistered(audit, person);
      if (last !== undefined) await things.settle(last);
      const theirs = (await authenticators.ofPerson(pool, person)).filter(which);
      if (theirs.length === 0) return removed;
      for (const { id } of theirs) if ((await commands.run(removal, { id, by, reason, ...how })).removed) removed += 1;
    }
  }

  /** Sessions that cannot be ended now are unusable anyway and are ended by the next sweep. */
  async function endStandingOnIt(person: PrincipalId): Promise<void> {
    await endUnbacked?.(person).catch((error: unknown) =>
      logger.warn({ error, person }, 'the sessions of a key that is gone could not be ended'),
    );
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
      // Read from the log, so that a missing or changed row hides nobody.
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
      const secret = newSecret(random);
      const { expiresAt, recordId } = await commands.run(links.invite, {
        ...{ person, by, evidence: references, lifeMs: lifeHours * 3_600_000, recovery },
        secretHash: hashOfSecret(secret).toString('base64url'),
      });
      return { path: `/enrol/${secret}`, expiresAt: toInstant(expiresAt), recordId };
    },

    async revoke(id, by, reason) {
      const { person, removed } = await commands.run(removal, { id, by, reason: plain(reason, longestReason) });
      if (person === undefined || !removed) throw unknownKey();
      await endStandingOnIt(person);
      // What was had with it by who may have stolen it, nobody can tell from what the person has.
      await cutOff(person, 'authenticator_removed');
    },
    async revokeAllOf(person, by, reason) {
      return revokeThose(person, by, plain(reason, longestReason), () => true);
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
      return revokeThose(person, by, reason.slice(0, longestReason), (each) => each.registeredAt <= until, {
        isQuiet: true,
      });
    },

    async removeOwn(person, id) {
      const { institution } = aboutPerson(directory, person);
      const by = { id: person, ...defined({ institution }) };
      const { removed } = await commands.run(removal, { id, by, reason: 'by_its_person', own: person });
      if (!removed) throw unknownKey();
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
      await commands.run(accounts.lock, { person, by, reason: why });
      // Also if it was already locked, to complete steps that failed before.
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
      await commands.run(accounts.unlock, { person, by, reason: why });
      await signals?.clear(person, 'account-disabled', by.id);
    },
    isLocked: (person) => locks.isLockedNow(person),
  };
}

/** Reads one line of visible text. @throws CodedError `invitation_malformed` */
function plain(text: string, longest: number): string {
  const line = visibleLine(text, longest);
  if (line === undefined) throw malformed(`References and reasons are one line of text of 1 to ${longest} characters.`);
  return line;
}

function malformed(detail: string): Error {
  return authenticatorErrors.error('invitation_malformed', detail);
}
