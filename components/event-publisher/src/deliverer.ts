import { createRounds, type Logger } from '@countersign/runtime';

export interface Deliverer {
  /** @returns how many events were delivered */
  deliverDue(): Promise<number>;
  /** Starts no further turn, and ends after the events in progress. */
  stop(): Promise<void>;
}

export const maxOfInstitution = 4;
const turnsAtOnce = 32;

export interface DelivererDependencies<Held> {
  /** Leases due work, at most `limit` items. */
  readonly lease: (limit: number) => Promise<readonly Held[]>;
  /** @param ended whether to stop before the next event @returns how many events were delivered */
  readonly deliver: (held: Held, ended: () => boolean) => Promise<number>;
  readonly logger: Logger;
  readonly everyMs: number;
}

/** Each receiver has its own turn, so a slow one uses one turn. A lease in the database decides which node delivers. */
export function createDeliverer<Held>({ lease, deliver, logger, everyMs }: DelivererDependencies<Held>): Deliverer {
  const turns = new Set<Promise<number>>();
  let stopped = false;
  const ended = (): boolean => stopped;

  async function begin(): Promise<readonly Promise<number>[]> {
    const limit = turnsAtOnce - turns.size;
    if (stopped || limit <= 0) return [];
    const held = await lease(limit);
    return held.map((one) => {
      const turn = deliver(one, ended).finally(() => turns.delete(turn));
      turns.add(turn);
      turn.catch((error: unknown) => logger.warn({ error }, 'events could not be delivered'));
      return turn;
    });
  }

  const rounds = createRounds({ what: 'the start of deliveries', work: begin, logger, everyMs });

  async function deliverDue(): Promise<number> {
    const delivered = await Promise.all((await rounds.join()) ?? []);
    return delivered.reduce((sum, count) => sum + count, 0);
  }

  return {
    deliverDue,
    async stop() {
      stopped = true;
      await rounds.stop();
      await Promise.allSettled(turns);
    },
  };
}
