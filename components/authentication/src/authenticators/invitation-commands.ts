import type { Command } from '@countersign/commands';
import { type Actor, authenticatorErrors, type PrincipalId } from '@countersign/contracts';
import { defined, newId, type RecordId, toInstant } from '@countersign/kernel';

import type { Parts } from './dependencies.ts';
import type { OpenInvitation } from './invitation-store.ts';
import { everHad, requireRegisteredWritten } from './proven-authenticators.ts';
import type { InvitationState } from './recorded-invitation.ts';
import { aboutPerson, done, refused } from './records.ts';

type InvitationCommand<Ask, Facts, Answer> = Command<Ask, PrincipalId, InvitationState, OpenInvitation, Facts, Answer>;

export interface InviteAsk {
  readonly person: PrincipalId;
  readonly by: Actor;
  readonly evidence: readonly string[];
  readonly lifeMs: number;
  readonly recovery: RecordId | undefined;
  /** Of the secret, base64url. */
  readonly secretHash: string;
}

interface InvitationFacts {
  readonly isLocked: boolean;
  /** By a key, now or earlier; for a recovery by a current key only. */
  readonly hasKey: boolean;
}

/** Recorded, because it may be an attempt to take over the account. */
const recorded: ReadonlySet<string> = new Set(['account_locked', 'recovery_needed']);

export function createInvitationCommands(parts: Parts) {
  const { authenticators, invitations, locks, directory, random, kinds } = parts;
  const usual = {
    kind: kinds.invitation,
    about: ({ person }: { readonly person: PrincipalId }) => person,
    // A row that its record does not confirm is replaced or ended.
    unproven: 'none',
    before: async () => undefined,
    ends: ({ endedAt }: InvitationState) => endedAt !== undefined,
    after: async () => undefined,
  } as const;

  /** Replaces the previous link. */
  const invite: InvitationCommand<InviteAsk, InvitationFacts, InvitationState> = {
    ...usual,
    async facts(session, { ask: { person, recovery } }) {
      await authenticators.lockPerson(session, person, random.bytes(32));
      await requireRegisteredWritten(parts, session, person);
      const isLocked = await locks.isLocked(session, person);
      if (recovery === undefined) return { isLocked, hasKey: await everHad(parts, session, person) };
      return { isLocked, hasKey: (await authenticators.ofPerson(session, person)).length > 0 };
    },
    done: () => undefined,
    async check({ facts: { isLocked, hasKey } }) {
      if (isLocked) throw authenticatorErrors.error('account_locked', 'The account is locked. Unlock it first.');
      if (hasKey)
        throw authenticatorErrors.error(
          'recovery_needed',
          'This person has or had a key. They add another with an existing key, or need a recovery.',
        );
    },
    next: ({ ask: { person, by, lifeMs, recovery, secretHash }, now }, record) => ({
      ...{ person, secretHash, invitedBy: by.id, recordId: record, expiresAt: now + lifeMs },
      ...defined({ recovery }),
    }),
    record: ({ ask: { person, by, evidence, recovery } }, { expiresAt }) =>
      done(
        'authenticator.invited',
        aboutPerson(directory, person),
        by,
        { evidence: [...evidence], expires_at: toInstant(expiresAt), ...defined({ recovery }) },
        recovery === undefined ? {} : { references: [recovery] },
      ),
    refused: ({ code }, { ask: { person, by } }) =>
      recorded.has(code)
        ? refused(newId('record', parts), code, {
            ...{ about: aboutPerson(directory, person), by, ceremony: 'invitation', address: undefined },
          })
        : undefined,
    release: (next) => next,
  };

  const close: InvitationCommand<
    { readonly person: PrincipalId; readonly by: Actor; readonly reason: string },
    OpenInvitation | undefined,
    true
  > = {
    ...usual,
    async facts(session, { ask: { person }, row }) {
      await authenticators.lockPerson(session, person, random.bytes(32));
      return row ?? (await invitations.openOf(session, person));
    },
    done: ({ facts, now }) => (facts === undefined || facts.expiresAt <= now ? true : undefined),
    check: async () => undefined,
    next({ facts, now }) {
      if (facts === undefined) throw new Error('an invitation is closed that does not exist');
      return { ...facts, endedAt: now };
    },
    record: ({ ask: { person, by, reason } }) =>
      done('authenticator.invitation-ended', aboutPerson(directory, person), by, { reason }),
    refused: () => undefined,
    release: () => true,
  };

  return { invite, close };
}
