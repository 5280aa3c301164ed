import type { EvidenceRecord, HoldScope, LogCustody, SubjectKey } from '@countersign/contracts';
import { newId, toInstant } from '@countersign/kernel';
import { available } from '../availability.ts';
import type { EvidenceQueries } from '../query/evidence-query.ts';
import { matches } from '../query/matches.ts';
import { custodyStore, type KeyRow } from '../store/custody.ts';
import { createPrune, type PruneDependencies } from './prune.ts';
import { createSurvey } from './survey.ts';

const pageSize = 500;

/**
 * What the keeper of retention may do with the log. Each removal is one transaction with the record that says so, and
 * passes through a function of the database that believes that record alone.
 */
export function createLogCustody(dependencies: PruneDependencies & { readonly queries: EvidenceQueries }): LogCustody {
  const { store, sequencer, clock, random } = dependencies;
  const survey = createSurvey(dependencies);
  const prune = createPrune(dependencies);

  /** Does this hold, or that, keep a record with a value under one of the keys? */
  async function heldKeys(keys: readonly string[], holds: readonly HoldScope[]): Promise<readonly HoldScope[]> {
    const keeping = new Set<HoldScope>();
    for (let after: string | undefined = ''; after !== undefined && keeping.size < holds.length; ) {
      const page: Awaited<ReturnType<typeof store.recordsUnder>> = await store.recordsUnder(keys, after, pageSize);
      for (const body of page.bodies) {
        const record = JSON.parse(body.toString()) as EvidenceRecord;
        for (const scope of holds) if (!keeping.has(scope) && matches(scope, record)) keeping.add(scope);
      }
      after = page.last;
    }
    return holds.filter((scope) => keeping.has(scope));
  }

  return {
    survey: (before, holds) => available(() => survey(before, holds)),
    prune: (order, onProgress, signal) => available(() => prune(order, onProgress, signal)),
    keysOf: (subject) => available(async () => (await store.keysOf(subject)).map(subjectKeyOf)),
    heldKeys: (keys, holds) => available(() => heldKeys(keys, holds)),
    erase: ({ keys, asOf, authority, by }) =>
      available(async () => {
        const values = await store.countValues(keys);
        await sequencer.appendWith(
          {
            id: newId('record', { clock, random }),
            type: 'erasure.completed',
            source: 'audit-log',
            outcome: 'done',
            subject: by,
            references: [authority],
            data: { keys: [...keys], values, as_of: Number(asOf) },
          },
          (session, index) => custodyStore(session).eraseKeys(index),
        );
        return values;
      }),
  };
}

function subjectKeyOf({ newest, erasedAt, ...key }: KeyRow): SubjectKey {
  return {
    ...key,
    // Of a key under which nothing is kept, the year that it was made for.
    newest: newest === null ? `${key.year}-12-31T23:59:59.999Z` : toInstant(newest),
    ...(erasedAt === null ? {} : { erasedAt: erasedAt.toISOString() }),
  };
}
