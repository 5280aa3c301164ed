import type { SimulationReport } from '@countersign/contracts';
import type { SimulationId } from '@countersign/kernel';
import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';

/** Reports of simulations, for every node to read. Times are milliseconds since the epoch. */
export interface SimulationStore {
  insert(report: SimulationReport, now: number): Promise<void>;
  /** Writes down how far it is, or how it ended; what has ended stays as it is. */
  update(report: SimulationReport, now: number): Promise<void>;
  find(id: SimulationId): Promise<{ readonly report: SimulationReport; readonly seenAt: number } | undefined>;
}

export function createSimulationStore(pool: pg.Pool): SimulationStore {
  return {
    async insert(report, now) {
      await query(
        pool,
        'insert into policy_simulations (id, status, started_at, seen_at, report) values ($1, $2, $3, $4, $5)',
        [report.id, report.status, report.startedAt, new Date(now), JSON.stringify(report)],
      );
    },
    async update(report, now) {
      await query(
        pool,
        `update policy_simulations set status = $2, seen_at = $3, report = $4 where id = $1 and status = 'running'`,
        [report.id, report.status, new Date(now), JSON.stringify(report)],
      );
    },
    async find(id) {
      const [row] = await query<{ report: SimulationReport; seen_at: Date }>(
        pool,
        'select report, seen_at from policy_simulations where id = $1',
        [id],
      );
      return row === undefined ? undefined : { report: row.report, seenAt: row.seen_at.getTime() };
    },
  };
}

async function query<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  text: string,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  try {
    return (await pool.query<Row>(text, [...values])).rows;
  } catch (error) {
    throw databaseFailure(error);
  }
}
