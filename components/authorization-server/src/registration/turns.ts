import type { Clock } from '@countersign/kernel';
import { refuse } from './refusals.ts';

const windowMs = 60_000;

export interface TurnLimits {
  /** Registrations, updates and removals that one institution may request per minute on this node. Default 30. */
  readonly perMinute?: number;
  /** How many of an institution's requests may wait in the queue. Default 8. */
  readonly waiting?: number;
}

/** Queues requests by institution: one at a time for each, and a limited number per minute. */
export interface Turns {
  /**
   * Runs `work` when all earlier requests of the institution have finished. Each request holds a connection while it asks
   * the directory, so without queues one institution could occupy all connections.
   *
   * @throws CodedError `too_many_requests`, which is not recorded, so that a flood cannot fill the log
   */
  take<Result>(institution: string, work: () => Promise<Result>): Promise<Result>;
}

interface Line {
  window: number;
  /** Requests in this window and in the previous one, of which the part within the last minute counts. */
  current: number;
  previous: number;
  waiting: number;
  last: Promise<unknown>;
}

/** One queue per institution in the directory, so their number is bounded. */
export function createTurns(clock: Clock, { perMinute = 30, waiting = 8 }: TurnLimits = {}): Turns {
  const lines = new Map<string, Line>();

  function lineOf(institution: string, window: number): Line {
    const line = lines.get(institution) ?? { window, current: 0, previous: 0, waiting: 0, last: Promise.resolve() };
    lines.set(institution, line);
    if (line.window !== window) {
      line.previous = line.window + 1 === window ? line.current : 0;
      line.current = 0;
      line.window = window;
    }
    return line;
  }

  return {
    async take(institution, work) {
      const now = clock.now();
      const line = lineOf(institution, Math.floor(now / windowMs));
      const stillCounts = 1 - (now % windowMs) / windowMs;
      if (line.current + line.previous * stillCounts >= perMinute || line.waiting >= waiting)
        throw refuse(
          'registration_rate',
          'Your institution has sent too many registration requests: try again in a minute.',
        );
      line.current += 1;
      line.waiting += 1;
      const turn = line.last.then(work);
      line.last = turn
        .catch(() => undefined)
        .finally(() => {
          line.waiting -= 1;
        });
      return turn;
    },
  };
}
