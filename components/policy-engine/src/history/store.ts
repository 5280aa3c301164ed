import type { SimulationReport } from '@countersign/contracts';
import { parseId, type RecordId, type SimulationId } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type pg from 'pg';

export type SimulationStore = ReturnType<typeof createSimulationStore>;

/** A stored report, which may have been tampered with. */
export interface StoredSimulation {
  readonly report: SimulationReport;
  readonly seenAt: number;
  readonly record: RecordId | undefined;
}

/** Stores reports of simulations. Times are milliseconds since the epoch. */
export function createSimulationStore(pool: pg.Pool) {
  return {
    async insert(report: SimulationReport, now: number): Promise<void> {
      await ask(
        pool,
        'insert into policy_simulations (id, status, started_at, seen_at, report) values ($1, $2, $3, $4, $5)',
        [report.id, report.status, report.startedAt, new Date(now), JSON.stringify(report)],
      );
    },
    /** Removes reports of simulations started before this time, in slices, because they name people. */
    async sweep(before: number): Promise<void> {
      await ask(
        pool,
        'delete from policy_simulations where id in (select id from policy_simulations where started_at < $1 limit 100)',
        [new Date(before)],
      );
    },
    /** Updates a running simulation; a finished one stays unchanged. `record` confirms the report. */
    async update(report: SimulationReport, now: number, record?: RecordId): Promise<void> {
      await ask(
        pool,
        `update policy_simulations set status = $2, seen_at = $3, report = $4, record_id = $5
          where id = $1 and status = 'running'`,
        [report.id, report.status, new Date(now), JSON.stringify(report), record ?? null],
      );
    },
    async find(id: SimulationId): Promise<StoredSimulation | undefined> {
      const { rows } = await ask<{ report: SimulationReport; seen_at: Date; record_id: string | null }>(
        pool,
        'select report, seen_at, record_id from policy_simulations where id = $1',
        [id],
      );
      const [row] = rows;
      if (row === undefined) return undefined;
      return { report: row.report, seenAt: row.seen_at.getTime(), record: parseId('record', row.record_id) };
    },
  };
}
