import {
  type Actor,
  type AuditAppender,
  createStandingCheck,
  type Grant,
  type GrantProposal,
  type GrantRegister,
  type GrantsOf,
  grantErrors,
  grantsThing,
  type StandingReader,
} from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  digestOf,
  type GrantId,
  newId,
  parseInstant,
  type Random,
  toInstant,
} from '@countersign/kernel';
import type pg from 'pg';
import { changeRecord, consentRecord, denialRecord, grantClaim, revocationRecord } from './records.ts';
import { createGrantStore, type GrantUnit } from './store.ts';
import { mergedProposal, termsOf } from './terms.ts';

export interface GrantRegisterDependencies {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: AuditAppender & StandingReader;
}

/** A page of grants. */
const maxListed = 1000;
/** Grants that are ended in one transaction. */
const slice = 100;
/** By then everything issued at the last moment of a grant has ended as well: a token lives five minutes at most. */
const longExpiredMs = 10 * 60_000;

/**
 * What people have allowed clients: recorded first, kept in every version, and read from the database alone, so that
 * what one node has ended no other node takes for standing. A consent counts as its newest record has it.
 */
export function createGrantRegister({ pool, clock, random, audit }: GrantRegisterDependencies): GrantRegister {
  const store = createGrantStore(pool);
  const standings = createStandingCheck({ log: audit, source: 'consent-store', clock, random });

  /** Of these, those that the log says the same of, and whose consents were not all ended since. */
  async function standing(grants: readonly Grant[]): Promise<readonly Grant[]> {
    const asked = grants.filter(({ status }) => status === 'active');
    const standing = new Set<Grant>();
    for (let start = 0; start < asked.length; start += slice) {
      const page = asked.slice(start, start + slice);
      const newest = await audit.standings([
        ...new Set(page.flatMap((grant) => [grantClaim(grant).of, ...endingThings(grant)])),
      ]);
      for (const grant of page) {
        const { of, content } = grantClaim(grant);
        const recorded = newest.get(of);
        const endedAt = endingThings(grant).map((thing) => newest.get(thing)?.index ?? -1n);
        if (recorded?.digest === digestOf(content) && endedAt.every((index) => index < recorded.index))
          standing.add(grant);
      }
    }
    return grants.filter((grant) => grant.status === 'revoked' || standing.has(grant));
  }

  /** As {@link standing}, for one that may be about to change: whoever changes it has it locked. */
  async function settled(grant: Grant): Promise<Grant | undefined> {
    const [first] = await standing([grant]);
    if (first !== undefined) return first;
    return store.inUnit(async (unit) => {
      const head = await unit.lock(grant.id);
      if (head === undefined) return undefined;
      const [found] = await standing([head]);
      // Where its own record says otherwise, the difference is recorded.
      if (found === undefined) await standings.holds(grantClaim(head));
      return found;
    });
  }
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
      await requireStanding(head);
      const { recordId, at } = recording();
      const fault = changeFault(head, proposal, at) ?? (how === 'merge' ? mergeFault(head, proposal) : undefined);
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

  /** What is made of a version must rest on its record. */
  async function requireStanding(head: Grant): Promise<void> {
    if (head.status === 'revoked' || (await standing([head])).length > 0) return;
    await standings.require(grantClaim(head));
    throw grantErrors.error('grant_revoked', 'The grant was revoked; that is final.');
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

  async function revokeAll(of: GrantsOf, by: Actor, reason: string): Promise<number> {
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
    async find(id) {
      const head = await store.head(id);
      return head === undefined ? undefined : settled(head);
    },
    revoke,
    revokeAll,
    async list({ limit = maxListed, ...of }) {
      const page = await store.page(of, Math.min(limit, maxListed));
      const found = new Set(await standing(page));
      const listed: Grant[] = [];
      for (const grant of page) {
        const shown = found.has(grant) ? grant : await settled(grant);
        if (shown !== undefined) listed.push(shown);
      }
      return listed;
    },
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

/** What ends it together with others: a record about any of these, later than its own. */
function endingThings({ client, subject, institution }: Grant): readonly string[] {
  return [grantsThing({ client }), grantsThing({ subject }), grantsThing({ institution })];
}
