import { setTimeout as sleep } from 'node:timers/promises';
import {
  auditLogErrors,
  type LogCustody,
  type PruneOrder,
  type RecordDraft,
  retentionErrors,
} from '@countersign/contracts';
import { type Clock, membersOf, newId, parseInstant, type Random, type RecordId, toInstant } from '@countersign/kernel';
import { Frontier } from '@countersign/merkle-log';
import type { TermProjection } from '../query/term-projection.ts';
import { logEntry } from '../record-json.ts';
import type { CustodyStore } from '../store/custody.ts';
import type { LogStore } from '../store.ts';
import { checkLatest, createNamedSince, type NamedSince } from './newest-references.ts';
import type { Removals } from './removals.ts';
import { type DueRecord, relianceOn, type Sorted, sortRetained } from './retained-records.ts';

/** Appends wait while a slice is removed, about twenty milliseconds. */
const sliceSize = 400;
/** Pruning uses a quarter of the time; appending has priority. */
const restPerWork = 3;
const maxTurns = 50;

export interface PruneDependencies {
  readonly store: CustodyStore;
  readonly log: LogStore;
  readonly removals: Removals;
  readonly projection: Pick<TermProjection, 'reach'>;
  readonly placeOfTime: (time: number) => Promise<bigint>;
  readonly clock: Clock;
  readonly random: Random;
}

interface Sweep {
  readonly order: PruneOrder;
  readonly before: bigint;
  readonly since: NamedSince;
  seen: bigint;
  held: number;
  needed: number;
}

/** Removes the due bodies of a class, from newest to oldest. Each slice has its own record. */
export function createPrune(dependencies: PruneDependencies): LogCustody['prune'] {
  const { store, log, removals, projection, placeOfTime, clock, random } = dependencies;

  function draftOf({ order, held, needed }: Sweep, sorted: Sorted, complete: boolean): RecordDraft {
    const going = sorted.going.toReversed();
    return {
      id: newId('record', { clock, random }),
      type: 'log.pruned',
      source: 'audit-log',
      outcome: 'done',
      subject: order.by,
      references: [order.authority],
      data: {
        class: order.class,
        before: toInstant(order.before),
        ranges: rangesOf(going.map(({ index }) => index)),
        count: going.length,
        root: rootOver(going.map(({ leafHash }) => leafHash)),
        held: held + sorted.held,
        needed: needed + sorted.needed,
        complete,
        as_of: Number(order.asOf),
      },
    };
  }

  async function checkAllowed({ authority, class: of, before }: PruneOrder): Promise<void> {
    const { data } = await removals.authority(authority, 'retention.pruning-approved');
    const allowed = membersOf(data);
    const until = typeof allowed?.['before'] === 'string' ? parseInstant(allowed['before']) : undefined;
    if (of === 'custody' || allowed?.['class'] !== of || until === undefined || before > until)
      throw retentionErrors.error('custody_unauthorized', `The pruning of ${of} up to this time was not approved.`);
  }

  /** Removes what may go from a slice. @returns the record, if one was written */
  async function removeFrom(
    slice: readonly DueRecord[],
    sweep: Sweep,
    complete: boolean,
  ): Promise<{ readonly sorted: Sorted; readonly record: RecordId | undefined }> {
    const { order, before, since } = sweep;
    await since.begin();
    const reliance = await relianceOn(slice, store, { class: order.class, before });
    for (let turn = 1; ; turn++) {
      const { named, upTo: from } = await since.read();
      const sorted = sortRetained(slice, { holds: order.holds, reliance, since: named });
      const { going } = sorted;
      if (going.length === 0 && !complete) return { sorted, record: undefined };
      const draft = draftOf(sweep, sorted, complete);
      try {
        await removals.remove(draft, { asOf: order.asOf, seen: sweep.seen }, (session, index) =>
          checkLatest(session, going, { from, until: index }),
        );
        return { sorted, record: draft.id };
      } catch (error) {
        if (!auditLogErrors.is(error, 'query_behind') || turn === maxTurns) throw error;
      }
    }
  }

  return async (order, onProgress, signal) => {
    await checkAllowed(order);
    const before = await placeOfTime(order.before);
    const of = await store.countDue(order.class, before);
    const sweep: Sweep = { order, before, since: createNamedSince(log, projection), seen: 0n, held: 0, needed: 0 };
    const records: RecordId[] = [];
    let pruned = 0;
    let done = 0;
    for (let cursor = before; ; ) {
      signal?.throwIfAborted();
      const began = performance.now();
      // So that removals by another node are not recorded twice.
      await removals.settle();
      sweep.seen = await log.size();
      const slice = (await store.dueBodies(order.class, cursor, sliceSize)).map(
        (body): DueRecord => ({ ...body, record: logEntry(body).record }),
      );
      const complete = slice.length < sliceSize;
      const { sorted, record } = await removeFrom(slice, sweep, complete);
      if (record !== undefined) records.push(record);
      pruned += sorted.going.length;
      sweep.held += sorted.held;
      sweep.needed += sorted.needed;
      done += slice.length;
      onProgress?.(done, Math.max(of, done));
      const last = slice.at(-1);
      if (complete || last === undefined)
        return { class: order.class, pruned, held: sweep.held, needed: sweep.needed, records };
      cursor = last.index;
      await sleep((performance.now() - began) * restPerWork);
    }
  };
}

export type PlaceRange = readonly [first: number, last: number];

export function rangesOf(places: readonly bigint[]): readonly PlaceRange[] {
  const ranges: [number, number][] = [];
  for (const place of places.map(Number)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === place - 1) last[1] = place;
    else ranges.push([place, place]);
  }
  return ranges;
}

/** RFC 6962 tree hash in base64url. A verifier compares it with the leaf hashes that remain. */
export function rootOver(leafHashes: readonly Buffer[]): string {
  return Frontier.empty.append(leafHashes).root().toString('base64url');
}
