import type { Command } from '@countersign/commands';
import { type Actor, authenticatorErrors, type PrincipalId } from '@countersign/contracts';
import { newId, type RecordId, toInstant } from '@countersign/kernel';

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
  /** Of the secret in the link, base64url. */
  readonly secretHash: string;
}

interface Door {
  readonly isLocked: boolean;
  /** A key that is there, or ever was, keeps an invitation away: of a recovery only one that is there. */
  readonly isBarred: boolean;
}

/** On record before it is told: somebody tried to get a person a key whom only a recovery gives one. */
const recorded: ReadonlySet<string> = new Set(['account_locked', 'recovery_needed']);

/** What is done with the link of a person. */
export function createInvitationCommands(parts: Parts) {
  const { authenticators, invitations, locks, directory, random, kinds } = parts;
  const usual = {
    kind: kinds.invitation,
    about: ({ person }: { readonly person: PrincipalId }) => person,
    // What others have written is replaced, or ended.
    unproven: 'none',
    before: async () => undefined,
    ends: ({ endedAt }: InvitationState) => endedAt !== undefined,
    after: async () => undefined,
  } as const;

  /** A new link ends the one before, also where its process died before anybody was shown it. */
  const invite: InvitationCommand<InviteAsk, Door, InvitationState> = {
    ...usual,
    async facts(session, { ask: { person, recovery } }) {
      await authenticators.lockPerson(session, person, random.bytes(32));
      await requireRegisteredWritten(parts, session, person);
      return {
        isLocked: await locks.isLocked(session, person),
        isBarred:
          recovery === undefined
            ? await everHad(parts, session, person)
            : (await authenticators.ofPerson(session, person)).length > 0,
      };
    },
    done: () => undefined,
    async check({ facts: { isLocked, isBarred } }) {
      if (isLocked) throw authenticatorErrors.error('account_locked', 'The account is locked. Unlock it first.');
      if (isBarred)
        throw authenticatorErrors.error(
          'recovery_needed',
          'This person has a key, or had one. They add another with what they have, or a recovery is opened for them.',
        );
    },
    next: ({ ask: { person, by, lifeMs, recovery, secretHash }, now }, record) => ({
      ...{ person, secretHash, invitedBy: by.id, recordId: record, expiresAt: now + lifeMs },
      ...(recovery === undefined ? {} : { recovery }),
    }),
    record: ({ ask: { person, by, evidence, recovery } }, { expiresAt }) =>
      done(
        'authenticator.invited',
        aboutPerson(directory, person),
        by,
        {
          evidence: [...evidence],
          expires_at: toInstant(expiresAt),
          ...(recovery === undefined ? {} : { recovery }),
        },
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

  /** The link of a person opens nothing any more. */
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
      if (facts === undefined) throw new Error('a link that is not there is closed');
      return { ...facts, endedAt: now };
    },
    record: ({ ask: { person, by, reason } }) =>
      done('authenticator.invitation-ended', aboutPerson(directory, person), by, { reason }),
    refused: () => undefined,
    release: () => true,
  };

  return { invite, close };
}
