import {
  type Actor,
  type AuditAppender,
  type Grant,
  type GrantProposal,
  type GrantRegister,
  grantErrors,
} from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  type GrantId,
  newId,
  parseInstant,
  type Random,
  toInstant,
} from '@countersign/kernel';
import type pg from 'pg';
import { changeRecord, consentRecord, denialRecord, revocationRecord } from './records.ts';
import { createGrantStore, type GrantUnit, type StandingOf } from './store.ts';
import { mergedProposal, termsOf } from './terms.ts';

export interface GrantRegisterDependencies {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: AuditAppender;
}

/** A page of grants. */
const maxListed = 1000;
/** Grants that are ended in one transaction. */
const slice = 100;
/** By then everything issued at the last moment of a grant has ended as well: a token lives five minutes at most. */
const longExpiredMs = 10 * 60_000;

/**
 * What people have allowed clients: recorded first, kept in every version, and read from the database alone, so that
 * what one node has ended no other node takes for standing.
 */
export function createGrantRegister({ pool, clock, random, audit }: GrantRegisterDependencies): GrantRegister {
  const store = createGrantStore(pool);
  const recording = () => ({ recordId: newId('record', { clock, random }), at: clock.now() });

  async function give(proposal: GrantProposal): Promise<Grant> {
    const { recordId, at } = recording();
    const grant: Grant = {
      id: newId('grant', { clock, random }),
      version: 1,
      status: 'active',
      ...proposed(proposal),
      givenAt: toInstant(at),
      recordId,
    };
    await audit.append(consentRecord(grant));
    await store.inUnit((unit) => unit.put([grant], at));
    return grant;
  }

  async function change(id: GrantId, how: 'merge' | 'replace', proposal: GrantProposal): Promise<Grant> {
    return store.inUnit(async (unit) => {
      const head = await lockKnown(unit, id);
      const { recordId, at } = recording();
      const fault = changeFault(head, proposal, at);
      if (fault !== undefined) throw fault;
      const next: Grant = {
        ...proposed(how === 'merge' ? mergedProposal(head, proposal) : proposal),
        id,
        version: head.version + 1,
        status: 'active',
        givenAt: toInstant(at),
        recordId,
      };
      await audit.append(changeRecord(next, how, head.recordId));
      await unit.put([next], at);
      return next;
    });
  }

  async function revoke(id: GrantId, by: Actor, reason: string): Promise<Grant> {
    return store.inUnit(async (unit) => {
      const head = await lockKnown(unit, id);
      if (head.status === 'revoked') return head;
      const [ended = head] = await end(unit, [head], by, reason);
      return ended;
    });
  }

  /** Records the end of each, then makes it so. The rows are locked by the unit. */
  async function end(unit: GrantUnit, heads: readonly Grant[], by: Actor, reason: string): Promise<readonly Grant[]> {
    const at = clock.now();
    const ended = heads.map((head): Grant => {
      return { ...head, version: head.version + 1, status: 'revoked', recordId: recording().recordId };
    });
    await Promise.all(
      ended.map((grant, index) => audit.append(revocationRecord(grant, by, reason, heads[index]?.recordId))),
    );
    await unit.put(ended, at);
    return ended;
  }

  async function revokeAll(of: StandingOf, by: Actor, reason: string): Promise<number> {
    const endingAfter = clock.now() - longExpiredMs;
    let count = 0;
    for (;;) {
      // From the beginning each time: what was ended is no longer among them, and what was changed meanwhile still is.
      const ended = await store.inUnit(async (unit) => {
        const standing = await unit.lockStanding(of, endingAfter, slice);
        return standing.length === 0 ? [] : end(unit, standing, by, reason);
      });
      count += ended.length;
      if (ended.length < slice) return count;
    }
  }

  return {
    give,
    async deny(refused) {
      const record = denialRecord(refused, recording().recordId);
      return (await audit.append(record)).id;
    },
    change,
    find: (id) => store.head(id),
    revoke,
    revokeAll,
    list: ({ limit = maxListed, ...of }) => store.page(of, Math.min(limit, maxListed)),
  };
}

/** What the proposal says, member by member: what else it may hold is not kept. */
function proposed(proposal: GrantProposal): Omit<Grant, 'id' | 'version' | 'status' | 'givenAt' | 'recordId'> {
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
    ...(boundTo === undefined ? {} : { boundTo }),
    ...(session === undefined ? {} : { session }),
    expiresAt: toInstant(ends),
  };
}

async function lockKnown(unit: GrantUnit, id: GrantId): Promise<Grant> {
  const head = await unit.lock(id);
  if (head === undefined) throw grantErrors.error('grant_not_found', 'There is no such grant.');
  return head;
}

function changeFault(head: Grant, proposal: GrantProposal, now: number): CodedError | undefined {
  const own =
    head.client === proposal.client && head.subject === proposal.subject && head.institution === proposal.institution;
  if (!own) return grantErrors.error('grant_foreign', 'The grant is of another client, person or institution.');
  if (head.status === 'revoked') return grantErrors.error('grant_revoked', 'The grant was revoked; that is final.');
  // Written so that a time that is not a number denies.
  if (!(now < Date.parse(head.expiresAt)))
    return grantErrors.error('grant_expired', `The grant was good until ${head.expiresAt}.`);
  return undefined;
}
