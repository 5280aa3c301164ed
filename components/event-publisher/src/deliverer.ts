import type { Logger } from '@countersign/runtime';

export interface Deliverer {
  /** Delivers what is due now, as far as there are free turns. @returns how many events were delivered */
  deliverDue(): Promise<number>;
  /** Takes nothing more, and ends after the events that are on their way. */
  stop(): Promise<void>;
}

/** Of all nodes: whoever answers slowly, or not at all, holds up their own events and nobody else's. */
export const mostOfInstitution = 4;
/** Of one node. */
const turnsAtOnce = 32;

export interface DelivererDependencies<Held> {
  /** Takes what is due, at most so many. */
  readonly lease: (limit: number) => Promise<readonly Held[]>;
  /**
   * Delivers what was taken.
   *
   * @param ended says that it is to stop, between two events
   * @returns how many events were delivered
   */
  readonly deliver: (held: Held, ended: () => boolean) => Promise<number>;
  readonly logger: Logger;
  readonly everyMs: number;
}

/**
 * Delivers to receivers, each in turns of its own: a slow one takes up one turn and no more. Safe to run on every node
 * at once: a lease in the database says who delivers.
 */
export function createDeliverer<Held>({ lease, deliver, logger, everyMs }: DelivererDependencies<Held>): Deliverer {
  const turns = new Set<Promise<number>>();
  let beginning: Promise<readonly Promise<number>[]> | undefined;
  let failing = false;
  let stopped = false;
  const ended = (): boolean => stopped;

  async function begin(): Promise<readonly Promise<number>[]> {
    const limit = turnsAtOnce - turns.size;
    if (stopped || limit <= 0) return [];
    const held = await lease(limit);
    return held.map((one) => {
      const turn = deliver(one, ended).finally(() => turns.delete(turn));
      turns.add(turn);
      return turn;
    });
  }

  async function deliverDue(): Promise<number> {
    beginning ??= begin().finally(() => {
      beginning = undefined;
    });
    const delivered = await Promise.all(await beginning);
    return delivered.reduce((sum, count) => sum + count, 0);
  }

  const timer = setInterval(() => {
    deliverDue().then(
      () => {
        failing = false;
      },
      (error: unknown) => {
        // Said once: it is tried several times a second.
        if (!failing) logger.warn({ error }, 'events could not be delivered');
        failing = true;
      },
    );
  }, everyMs);
  timer.unref();

  return {
    deliverDue,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await beginning?.catch(() => undefined);
      await Promise.allSettled(turns);
    },
  };
}
