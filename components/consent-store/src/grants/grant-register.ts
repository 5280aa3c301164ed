import { createCommands, createRecordedThings } from '@countersign/commands';
import {
  type Actor,
  type AuditLog,
  appendOnce,
  createStandingCheck,
  type DecidedRequest,
  type Grant,
  type GrantProposal,
  type GrantRegister,
  type GrantsOf,
  grantsThing,
  recordIdOfCommand,
  standingErrors,
} from '@countersign/contracts';
import {
  type Clock,
  type Digest,
  decodeBase64Url,
  derivedId,
  digestOf,
  type GrantId,
  type Random,
} from '@countersign/kernel';
import type pg from 'pg';
import { createGrantCommands } from './grant-commands.ts';
import { createGrantKind, grantClaim } from './recorded-grant.ts';
import { denialRecord, source } from './records.ts';
import { headOf, pageOf, standingOf } from './store.ts';

interface GrantRegisterDependencies {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'find'>;
}

const maxListed = 1000;
const slice = 100;
/** Grants ended in parallel, each on its own connection. */
const endedAtOnce = 4;
/** By then all tokens of an expired grant have expired too: they live at most five minutes. */
const longExpiredMs = 10 * 60_000;

/**
 * The grants of people to clients: recorded first, kept in every version and read from the database, so that a revocation on
 * one node takes effect on all. A grant counts as its newest record states.
 */
export function createGrantRegister({ pool, clock, random, audit }: GrantRegisterDependencies): GrantRegister {
  const standings = createStandingCheck({ log: audit, source, clock, random });
  const dependencies = { pool, log: audit, check: standings, source, clock };
  const kind = createGrantKind(clock);
  const things = createRecordedThings(kind, dependencies);
  const commands = createCommands(dependencies);
  const { decide, revoke } = createGrantCommands({
    kind,
    standings,
    isEndedWithOthers: async (grant) => (await standing([grant])).length === 0,
  });

  /** The grants whose rows agree with the log and that no later record ended together with others. */
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

  /** A grant whose row is missing or disagrees with the log: completes the row from its record, or reports the difference. */
  async function settled(id: GrantId): Promise<Grant | undefined> {
    const found = await things.find(id).catch((error: unknown) => {
      if (standingErrors.is(error, 'authority_unproven')) return undefined;
      throw error;
    });
    return found === undefined ? undefined : (await standing([found]))[0];
  }

  async function revokeAll(of: GrantsOf, by: Actor, reason: string): Promise<number> {
    const endingAfter = clock.now() - longExpiredMs;
    // Grants that another node ended meanwhile, or whose rows are wrongly active.
    const ended = new Set<GrantId>();
    let count = 0;
    for (;;) {
      // Start again each time: ended grants are gone, changed ones are still found.
      const page = await standingOf(pool, of, { endingAfter, but: [...ended], limit: slice });
      for (let start = 0; start < page.length; start += endedAtOnce) {
        const ids = page.slice(start, start + endedAtOnce);
        // Wait for all of them before reporting a failure, so that a repetition does not overlap with this call.
        for (const answer of await Promise.allSettled(ids.map((id) => commands.run(revoke, { id, by, reason })))) {
          if (answer.status === 'rejected') throw answer.reason;
          const { grant, now } = answer.value;
          if (now) count++;
          else ended.add(grant.id);
        }
      }
      if (page.length < slice) return count;
    }
  }

  return {
    give: (proposal, request) =>
      commands.run(decide, {
        id: grantIdOf(proposal, request),
        how: 'give',
        proposal,
        decision: decisionOf(proposal, request),
      }),
    async deny(refused, request) {
      const draft = denialRecord(refused, recordIdOfCommand({ denied: decisionOf(refused, request) }));
      await appendOnce(audit, draft);
      return draft.id;
    },
    change: (id, how, proposal, request) =>
      commands.run(decide, { id, how, proposal, decision: decisionOf(proposal, request) }),
    async find(id) {
      const head = await headOf(pool, id);
      const [found] = head === undefined ? [] : await standing([head]);
      return found ?? settled(id);
    },
    revoke: async (id, by, reason) => (await commands.run(revoke, { id, by, reason })).grant,
    revokeAll,
    async list({ limit = maxListed, ...of }) {
      const page = await pageOf(pool, of, Math.min(limit, maxListed));
      const found = new Set(await standing(page));
      const listed: Grant[] = [];
      for (const grant of page) {
        const shown = found.has(grant) ? grant : await settled(grant.id);
        if (shown !== undefined) listed.push(shown);
      }
      return listed;
    },
  };
}

/** Each person who decides about a request gets their own grant. Ids sort by the time of the request. */
function grantIdOf({ client, subject, institution }: GrantProposal, { id, askedAt }: DecidedRequest): GrantId {
  const bytes = decodeBase64Url(digestOf({ request: id, askedAt, client, subject, institution }));
  if (bytes === undefined) throw new Error('a digest is not in base64url');
  return derivedId('grant', askedAt, bytes.subarray(0, 10));
}

/** Identifies a decision about a request. The expiry is left out, because a repetition has a later one. */
function decisionOf(proposal: Partial<GrantProposal>, { id, askedAt }: DecidedRequest): Digest {
  const { expiresAt: _, ...said } = proposal;
  return digestOf({ request: id, askedAt, said: JSON.parse(JSON.stringify(said)) });
}

/** The log keys whose later records end this grant together with others. */
function endingThings({ client, subject, institution }: Grant): readonly string[] {
  return [grantsThing({ client }), grantsThing({ subject }), grantsThing({ institution })];
}
