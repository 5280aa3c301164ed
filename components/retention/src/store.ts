import { takeNamedLock } from '@countersign/runtime';
import type pg from 'pg';
import { readSimulation, type Simulation } from './simulation.ts';

/** Lock of the node that decides. */
const decisions = 'decisions';

export function createStore(pool: pg.Pool) {
  return {
    /** Held until the transaction ends. */
    lockDecisions: (session: pg.PoolClient): Promise<void> => takeNamedLock(session, decisions),

    async putSimulation(simulation: Simulation, forgetBefore: Date): Promise<void> {
      const { id, at, by } = simulation;
      await pool.query('delete from simulations where made_at < $1', [forgetBefore]);
      await pool.query('insert into simulations (id, made_at, made_by, content) values ($1, $2, $3, $4)', [
        id,
        at,
        by,
        JSON.stringify(simulation),
      ]);
    },

    async simulation(id: string, session: pg.PoolClient): Promise<Simulation | undefined> {
      const { rows } = await session.query<{ content: unknown }>('select content from simulations where id = $1', [id]);
      return readSimulation(rows[0]?.content);
    },
  };
}

export type Store = ReturnType<typeof createStore>;
