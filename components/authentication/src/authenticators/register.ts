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
const maxHours = 72;
const maxEvidence = 10;
const longestEvidence = 200;
const longestReason = 400;
const signalMs = 365 * 86_400_000;

export interface AuthenticatorKeeping extends AuthenticatorRegister {
  /** By its owner, who has just signed it. @throws CodedError `authenticator_not_found`, `authenticator_last` */
  removeOwn(person: PrincipalId, id: AuthenticatorId): Promise<void>;
  /** As {@link revokeAllOf}, and ends sessions and tokens. Idempotent. */
  disarm(person: PrincipalId, by: Actor, reason: string): Promise<number>;
  renameOwn(person: PrincipalId, id: AuthenticatorId, name: string): Promise<Authenticator>;
  /** As {@link revokeAllOf}, for keys of a leaver that were registered until then; without notices. */
  endOfLeaver(person: PrincipalId, by: Actor, reason: string, untilMs: number): Promise<number>;
}

export function createRegister(parts: Parts): AuthenticatorKeeping {
  const { pool, audit, standings, directory, clock, random, logger, signals, cutOff, endUnbacked } = parts;
  const { authenticators, locks, commands, things } = parts;
  const removal = createRemoval(parts);
  const links = createInvitationCommands(parts);
  const accounts = createLockCommands(parts);

  /** Serialised with other changes to the person's authenticators. */
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
    // Invitations first, so that none is used meanwhile.
    await commands.run(links.close, { person, by, reason });
    let removed = 0;
    // Until none is left: a key may have been used to add another.
    for (;;) {
      const last = await lastRegistered(audit, person);
      if (last !== undefined) await things.settle(last);
      const theirs = (await authenticators.ofPerson(pool, person)).filter(which);
      if (theirs.length === 0) return removed;
      for (const { id } of theirs) if ((await commands.run(removal, { id, by, reason, ...how })).removed) removed += 1;
    }
  }

  /** Otherwise the next sweep ends them; they are already unusable. */
  async function endSessionsOfKey(person: PrincipalId): Promise<void> {
    await endUnbacked?.(person).catch((error: unknown) =>
      logger.warn({ error, person }, 'the sessions of a removed key could not be ended'),
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
      return all.filter((each) => proven.has(each) || each.suspendedAt !== undefined).map(shownAuthenticator);
    },
    everHad: (person) => everHad(parts, pool, person),
    async invitersOf(person) {
      // By the log: a missing or changed row hides nobody.
      const invited = await audit.query({ person, types: ['authenticator.invited'] });
      const inviters = invited
        .filter(({ record }) => record.subject?.id === person)
        .flatMap(({ record: { actors = [] } }) => actors.slice(0, 1).map(({ id }) => id));
      return [...new Set(inviters)].sort();
    },

    async invite({ person, evidence, lifeHours = usualHours, recovery }, by): Promise<EnrolmentInvitation> {
      const references = evidence.map((each) => plain(each, longestEvidence));
      if (references.length === 0 || references.length > maxEvidence)
        throw malformed(`Name 1 to ${maxEvidence} references to the proof of identity.`);
      if (!Number.isInteger(lifeHours) || lifeHours < 1 || lifeHours > maxHours)
        throw malformed(`An invitation is valid for 1 to ${maxHours} hours.`);
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
      await endSessionsOfKey(person);
      // The thief's sessions look like the person's own.
      await cutOff(person, 'authenticator_removed');
    },
    async revokeAllOf(person, by, reason) {
      return revokeThose(person, by, plain(reason, longestReason), () => true);
    },
    async disarm(person, by, reason) {
      const revoked = await this.revokeAllOf(person, by, reason);
      await endSessionsOfKey(person);
      // Also completes steps that failed before.
      await cutOff(person, 'authenticator_removed');
      return revoked;
    },
    endOfLeaver(person, by, reason, untilMs) {
      const until = toInstant(untilMs);
      const registeredBefore = (each: StoredAuthenticator) => each.registeredAt <= until;
      return revokeThose(person, by, reason.slice(0, longestReason), registeredBefore, { isQuiet: true });
    },

    async removeOwn(person, id) {
      const { institution } = aboutPerson(directory, person);
      const by = { id: person, ...defined({ institution }) };
      const { removed } = await commands.run(removal, { id, by, reason: 'by_its_person', own: person });
      if (!removed) throw unknownKey();
      await endSessionsOfKey(person);
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
      const until = toInstant(clock.now() + signalMs);
      // Also if it was already locked, to complete steps that failed before.
      await signals?.raise({ person, name: 'account-disabled', until, why: 'the account was locked' });
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

/** One line of visible text. @throws CodedError `invitation_malformed` */
function plain(text: string, longest: number): string {
  const line = visibleLine(text, longest);
  if (line === undefined) throw malformed(`References and reasons must be one line of 1 to ${longest} characters.`);
  return line;
}

function malformed(detail: string): Error {
  return authenticatorErrors.error('invitation_malformed', detail);
}
