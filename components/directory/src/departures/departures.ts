import { setTimeout as sleep } from 'node:timers/promises';
import { type Actor, type Claim, type Departure, standing } from '@countersign/contracts';
import { type DepartureId, newId, type RecordId, toInstant } from '@countersign/kernel';
import type pg from 'pg';
import { createCarrier } from './carrier.ts';
import { type Departing, positionJson } from './departing.ts';
import type { DepartureDependencies } from './dependencies.ts';
import { departureClaim, insertDepartures, listDepartures, type NewDeparture, type StoredDeparture } from './store.ts';

/** From the change in the directory until everything that the principals held has ended. */
export interface Departures {
  /** In the transaction of the change, before its commit. */
  begin(session: pg.PoolClient, departing: readonly Departing[], how: DepartureCause): Promise<readonly DepartureId[]>;
  /** The content of the rows of unfinished departures. */
  openClaims(session: pg.PoolClient): Promise<readonly Claim[]>;
  /** Starts work on due departures in the background. */
  hurry(): void;
  /** Failed departures are retried later. */
  run(): Promise<void>;
  /** The departure after one attempt, or after a bounded wait for it. */
  settled(id: DepartureId): Promise<Departure>;
  list(filter: {
    readonly status?: Departure['status'] | undefined;
    readonly principal?: string;
    readonly kind?: Departure['kind'];
    readonly limit?: number;
  }): Promise<readonly Departure[]>;
  stop(): Promise<void>;
}

interface DepartureCause {
  readonly by: Actor;
  readonly reason: string;
  readonly version: number;
  readonly applied: RecordId;
}

const maxListed = 1_000;
const waitMs = 5_000;
/** As many as fit one record. */
const maxClaims = 250;
const recordsAtOnce = 64;

export function createDepartures(dependencies: DepartureDependencies): Departures {
  const { pool, clock, audit, newRecordId, effects } = dependencies;
  const carrier = createCarrier(dependencies);

  async function record(departing: Departing, departure: NewDeparture, how: DepartureCause): Promise<void> {
    const { kind, principal, institution, from, to } = departing;
    const { of, content } = departureClaim(departure);
    await audit.append({
      id: departure.recordId,
      type: 'directory.departure',
      source: 'directory',
      outcome: 'done',
      subject: how.by,
      references: [how.applied],
      standing: [standing(of, content)],
      data: {
        departure: departure.id,
        kind,
        principal,
        institution,
        version: how.version,
        reason: how.reason,
        from: positionJson(from),
        ...(to === undefined ? {} : { to: positionJson(to) }),
        effects: effects().map(({ name }) => name),
      },
    });
  }

  return {
    async begin(session, departing, how) {
      if (departing.length === 0) return [];
      const prepared = departing.map((each) => ({
        each,
        departure: {
          id: newId('departure', dependencies),
          kind: each.kind,
          principal: each.principal,
          institution: each.institution,
          at: new Date(clock.now()),
          by: how.by,
          reason: how.reason,
          recordId: newRecordId(),
          completionRecord: newRecordId(),
        },
      }));
      for (let from = 0; from < prepared.length; from += recordsAtOnce)
        await Promise.all(
          prepared.slice(from, from + recordsAtOnce).map(({ each, departure }) => record(each, departure, how)),
        );
      const departures = prepared.map(({ departure }) => departure);
      await insertDepartures(
        session,
        departures,
        effects().map(({ name }) => name),
      );
      return departures.map(({ id }) => id);
    },

    async openClaims(session) {
      return (await listDepartures(session, { status: 'in-progress', limit: maxClaims })).map(departureClaim);
    },

    hurry: carrier.hurry,
    run: carrier.run,

    async settled(id) {
      await Promise.race([carrier.run(), sleep(waitMs, undefined, { ref: false })]);
      const [found] = await listDepartures(pool, { ids: [id], limit: 1 });
      if (found === undefined) throw new Error('a committed departure does not exist');
      return shown(found);
    },

    async list({ limit = maxListed, ...filter }) {
      return (await listDepartures(pool, { ...filter, limit })).map(shown);
    },

    stop: carrier.stop,
  };
}

function shown({ id, kind, principal, at, recordId, effects, status }: StoredDeparture): Departure {
  return { id, kind, principal, at: toInstant(at.getTime()), recordId, effects, status };
}
