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

interface Decided {
  readonly id: GrantId;
  /** `give`: creates the grant of this request, or replaces it. */
  readonly how: 'give' | 'merge' | 'replace';
  readonly proposal: GrantProposal;
  readonly decision: Digest;
}

interface Ending {
  readonly id: GrantId;
  readonly by: Actor;
  readonly reason: string;
}

interface Ended {
  readonly grant: Grant;
  /** Whether this command ended it, rather than an earlier one. */
  readonly now: boolean;
}

type GrantCommand<Ask, Facts, Answer> = Command<Ask, GrantId, Grant, Grant, Facts, Answer>;

/** The commands that change grants. The caller records refusals with the request they belong to. */
export function createGrantCommands({
  kind,
  standings,
  isEndedWithOthers,
}: {
  readonly kind: GrantKind;
  readonly standings: StandingCheck;
  /** Whether a later record ended all grants of its client, person or institution. */
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
        if (how !== 'give') throw grantErrors.error('grant_not_found', 'The grant does not exist.');
        return;
      }
      if (!isOf(row, proposal))
        throw grantErrors.error('grant_foreign', 'The grant belongs to a different client, person or institution.');
      if (facts.ended) throw grantErrors.error('grant_revoked', 'The grant was revoked, which is final.');
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
    // Revoking only removes authority, so unproven rows may be revoked too.
    unproven: 'none',
    async facts(session, { ask, row }) {
      const present = row ?? (await kind.lock(session, ask.id));
      if (present === undefined) throw grantErrors.error('grant_not_found', 'The grant does not exist.');
      const { of } = grantClaim(present);
      // An unrecorded row claims to be revoked; only the log decides.
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

function proposed(proposal: GrantProposal): GrantProposal {
  const { client, subject, institution, acr, amr, authTime, boundTo, session, expiresAt } = proposal;
  const ends = parseInstant(expiresAt);
  // The proposal was parsed before, so an invalid time is our bug.
  if (ends === undefined) throw new Error('the expiry of a grant is not a valid time');
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
  // NaN must deny.
  if (!(now < Date.parse(head.expiresAt)))
    return grantErrors.error('grant_expired', `The grant expired at ${head.expiresAt}.`);
  return how === 'merge' ? mergeFault(head, proposal) : undefined;
}

/** Scopes, interfaces and details of a grant combine freely, so merging would allow combinations that were never shown. */
function mergeFault(head: Grant, proposal: GrantProposal): CodedError | undefined {
  const elsewhere = head.resources.length > 0 && proposal.resources.some((uri) => !head.resources.includes(uri));
  const withDetails = head.applicationDetails !== undefined || proposal.applicationDetails !== undefined;
  return elsewhere || withDetails
    ? grantErrors.error(
        'grant_not_mergeable',
        'This request cannot be merged into the existing grant. Ask for a separate consent.',
      )
    : undefined;
}
