import { createRounds, type Logger } from '@countersign/runtime';

export interface Deliverer {
  /** Delivers due events, as far as there are free turns. @returns how many events were delivered */
  deliverDue(): Promise<number>;
  /** Starts no further turn, and ends after the events in progress. */
  stop(): Promise<void>;
}

/** Turns of one institution over all nodes: a slow receiver delays only its own institution. */
export const mostOfInstitution = 4;
/** Turns of one node. */
const turnsAtOnce = 32;

export interface DelivererDependencies<Held> {
  /** Leases due work, at most `limit` items. */
  readonly lease: (limit: number) => Promise<readonly Held[]>;
  /**
   * Delivers leased work.
   *
   * @param ended whether to stop before the next event
   * @returns how many events were delivered
   */
  readonly deliver: (held: Held, ended: () => boolean) => Promise<number>;
  readonly logger: Logger;
  readonly everyMs: number;
}

/**
 * Delivers to receivers, each in its own turn: a slow receiver uses one turn. Safe on several nodes at once: a lease in
 * the database decides who delivers.
 */
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
