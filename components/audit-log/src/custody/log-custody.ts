import {
  auditLogErrors,
  type EraseOrder,
  type EvidenceRecord,
  type HoldScope,
  type LogCustody,
  retentionErrors,
  type SubjectKey,
} from '@countersign/contracts';
import { membersOf, newId, toInstant } from '@countersign/kernel';
import { available } from '../availability.ts';
import { collectEvidence } from '../collect-evidence.ts';
import type { EvidenceQueries } from '../query/evidence-query.ts';
import { matches } from '../query/record-terms.ts';
import { custodyStore, type KeyRow } from '../store/custody.ts';
import { createPrune, type PruneDependencies } from './prune.ts';
import { createSurvey } from './survey.ts';

const pageSize = 500;

/** Each removal is recorded first, and carried out by a database function that trusts only that record. */
export function createLogCustody(dependencies: PruneDependencies & { readonly queries: EvidenceQueries }): LogCustody {
  const { store, log, removals, clock, random } = dependencies;
  const survey = createSurvey(dependencies);
  const prune = createPrune(dependencies);

  /** A hold on a transaction also keeps the sign-in, consent and mandate records that it refers to. */
  async function groundsOf({ transaction }: HoldScope): Promise<Pick<ReadonlySet<string>, 'has'>> {
    if (transaction === undefined) return new Set();
    try {
      return new Set((await collectEvidence(log, transaction)).keys());
    } catch (error) {
      // If there is too much to examine, every record counts as held.
      if (auditLogErrors.is(error, 'bundle_too_large')) return { has: () => true };
      throw error;
    }
  }

  async function heldKeys(keys: readonly string[], holds: readonly HoldScope[]): Promise<readonly HoldScope[]> {
    const keeping = new Set<HoldScope>();
    const asked: (readonly [HoldScope, Pick<ReadonlySet<string>, 'has'>])[] = [];
    for (const scope of holds) asked.push([scope, await groundsOf(scope)]);
    for (let after: string | undefined = ''; after !== undefined && keeping.size < holds.length; ) {
      const page: Awaited<ReturnType<typeof store.recordsUnder>> = await store.recordsUnder(keys, after, pageSize);
      for (const body of page.bodies) {
        // The log wrote these octets; their hash is in its tree.
        const record = JSON.parse(body.toString()) as EvidenceRecord;
        for (const [scope, grounds] of asked)
          if (!keeping.has(scope) && (matches(scope, record) || grounds.has(record.id))) keeping.add(scope);
      }
      after = page.last;
    }
    return holds.filter((scope) => keeping.has(scope));
  }

  async function erase({ keys, asOf, authority, by }: EraseOrder): Promise<number> {
    const allowed = membersOf((await removals.authority(authority, 'erasure.approved')).data)?.['keys'];
    if (!Array.isArray(allowed) || !keys.every((key) => allowed.includes(key)))
      throw retentionErrors.error('custody_unauthorized', 'The erasure was not approved for these keys.');
    await removals.settle();
    const seen = await log.size();
    const values = await store.countValues(keys);
    await removals.remove(
      {
        id: newId('record', { clock, random }),
        type: 'erasure.completed',
        source: 'audit-log',
        outcome: 'done',
        subject: by,
        references: [authority],
        data: { keys: [...keys], values, as_of: Number(asOf) },
      },
      { asOf, seen },
      async (session) => {
        if ((await custodyStore(session).countValues(keys)) !== values)
          throw retentionErrors.error(
            'custody_outdated',
            'Values were added under these keys meanwhile: examine them again.',
          );
      },
    );
    return values;
  }

  return {
    survey: (before, holds) => available(() => survey(before, holds)),
    prune: (order, onProgress, signal) => available(() => prune(order, onProgress, signal)),
    keysOf: (subject) => available(async () => (await store.keysOf(subject)).map(subjectKeyOf)),
    heldKeys: (keys, holds) => available(() => heldKeys(keys, holds)),
    erase: (order) => available(() => erase(order)),
    settle: () => available(() => removals.settle()),
  };
}

function subjectKeyOf({ newest, erasedAt, ...key }: KeyRow): SubjectKey {
  return {
    ...key,
    // For a key without values: the end of its year.
    newest: newest === null ? `${key.year}-12-31T23:59:59.999Z` : toInstant(newest),
    ...(erasedAt === null ? {} : { erasedAt: erasedAt.toISOString() }),
  };
}
