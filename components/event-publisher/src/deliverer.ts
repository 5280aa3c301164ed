import type { Logger } from '@countersign/runtime';

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
        // Logged once: delivery is retried several times a second.
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
