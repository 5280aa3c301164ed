import type { Command } from '@countersign/commands';
import {
  type Actor,
  type Grant,
  type GrantProposal,
  grantErrors,
  type RecordDraft,
  type StandingCheck,
} from '@countersign/contracts';
import { type CodedError, type Digest, defined, type GrantId, parseInstant, toInstant } from '@countersign/kernel';
import { type GrantKind, grantClaim } from './recorded-grant.ts';
import { changeSaying, consentSaying, revocationSaying } from './records.ts';
import { mergedProposal, termsOf } from './terms.ts';

/** What a person has decided about a request. */
interface Decided {
  readonly id: GrantId;
  /** `give`: the grant of this request, whether there is one already or not. */
  readonly how: 'give' | 'merge' | 'replace';
  readonly proposal: GrantProposal;
  readonly decision: Digest;
}

interface Ending {
  readonly id: GrantId;
  readonly by: Actor;
  readonly reason: string;
}

/** A grant that has ended. */
interface Ended {
  readonly grant: Grant;
  /** Whether this command ended it, or one before. */
  readonly now: boolean;
}

type GrantCommand<Ask, Facts, Answer> = Command<Ask, GrantId, Grant, Grant, Facts, Answer>;

/** Every change of a consent. A refusal is recorded by whoever asked, with the request that it belongs to. */
export function createGrantCommands({
  kind,
  standings,
  isEndedWithOthers,
}: {
  readonly kind: GrantKind;
  readonly standings: StandingCheck;
  /** Whether a later record ends all consents of its client, person or institution. */
  readonly isEndedWithOthers: (grant: Grant) => Promise<boolean>;
}) {
  const steps = {
    kind,
    about: ({ id }: { readonly id: GrantId }) => id,
    before: async () => undefined,
    refused: (): RecordDraft | undefined => undefined,
    after: async () => undefined,
  };

  const decide: GrantCommand<Decided, { readonly ended: boolean }, Grant> = {
    ...steps,
    facts: async (_session, { row }) => ({
      ended: row !== undefined && (row.status === 'revoked' || (await isEndedWithOthers(row))),
    }),
    done: ({ ask, row, facts }) => (row?.decision === ask.decision && !facts.ended ? row : undefined),
    async check({ ask: { how, proposal }, row, facts, now }) {
      if (row === undefined) {
        if (how !== 'give') throw grantErrors.error('grant_not_found', 'There is no such grant.');
        return;
      }
      if (!isOf(row, proposal))
        throw grantErrors.error('grant_foreign', 'The grant is of another client, person or institution.');
      if (facts.ended) throw grantErrors.error('grant_revoked', 'The grant was revoked; that is final.');
      const fault = how === 'give' ? undefined : changeFault(row, how, proposal, now);
      if (fault !== undefined) throw fault;
    },
    next: ({ ask: { id, how, proposal, decision }, row, now }, recordId) => ({
      ...proposed(how === 'merge' && row !== undefined ? mergedProposal(row, proposal) : proposal),
      id,
      version: (row?.version ?? 0) + 1,
      status: 'active',
      givenAt: toInstant(now),
      recordId,
      decision,
    }),
    record: ({ ask: { how }, row }, next) =>
      row === undefined ? consentSaying(next) : changeSaying(next, how === 'merge' ? how : 'replace', row.recordId),
    ends: () => false,
    release: (next) => next,
  };

  const revoke: GrantCommand<Ending, { readonly present: Grant; readonly ended: boolean }, Ended> = {
    ...steps,
    // It takes authority from nobody but whom it is to be taken from.
    unproven: 'none',
    async facts(session, { ask, row }) {
      const present = row ?? (await kind.lock(session, ask.id));
      if (present === undefined) throw grantErrors.error('grant_not_found', 'There is no such grant.');
      const { of } = grantClaim(present);
      // A row that nobody has recorded says of itself that it has ended: it has if the log says so.
      const ended = present.status === 'revoked' && (row !== undefined || !(await standings.standing([of])).has(of));
      return { present, ended };
    },
    done: ({ facts: { present, ended } }) => (ended ? { grant: present, now: false } : undefined),
    check: async () => undefined,
    next: ({ facts: { present } }, recordId) => ({
      ...present,
      version: present.version + 1,
      status: 'revoked',
      recordId,
    }),
    record: ({ ask: { by, reason }, facts: { present } }, next) => revocationSaying(next, by, reason, present.recordId),
    ends: () => true,
    release: (grant) => ({ grant, now: true }),
  };

  return { decide, revoke };
}

/** What the proposal says, member by member: what else it may hold is not kept. */
function proposed(proposal: GrantProposal): GrantProposal {
  const { client, subject, institution, acr, amr, authTime, boundTo, session, expiresAt } = proposal;
  const ends = parseInstant(expiresAt);
  // Both sides of this are our own: what the client asked for was read before.
  if (ends === undefined) throw new Error('a grant was given until a time that is none');
  return {
    ...termsOf(proposal),
    client,
    subject,
    institution,
    acr,
    amr,
    authTime,
    ...defined({ boundTo, session }),
    expiresAt: toInstant(ends),
  };
}

function isOf(grant: Grant, { client, subject, institution }: GrantProposal): boolean {
  return grant.client === client && grant.subject === subject && grant.institution === institution;
}

function changeFault(
  head: Grant,
  how: 'merge' | 'replace',
  proposal: GrantProposal,
  now: number,
): CodedError | undefined {
  // Written so that a time that is not a number denies.
  if (!(now < Date.parse(head.expiresAt)))
    return grantErrors.error('grant_expired', `The grant was good until ${head.expiresAt}.`);
  return how === 'merge' ? mergeFault(head, proposal) : undefined;
}

/**
 * Scopes, interfaces and details stand side by side in a grant. Merged, what was shown for one interface, or beside one detail, would
 * be given for others as well.
 */
function mergeFault(head: Grant, proposal: GrantProposal): CodedError | undefined {
  const elsewhere = head.resources.length > 0 && proposal.resources.some((uri) => !head.resources.includes(uri));
  const withDetails = head.applicationDetails !== undefined || proposal.applicationDetails !== undefined;
  return elsewhere || withDetails
    ? grantErrors.error(
        'grant_not_mergeable',
        'What is asked for is a consent of its own, and is merged with no other.',
      )
    : undefined;
}
