import type { Clock } from '@countersign/kernel';
import { refuse } from './refusals.ts';

const windowMs = 60_000;

export interface TurnLimits {
  /** Requests of one institution per minute on this node. Default 30. */
  readonly perMinute?: number;
  /** Queued requests of one institution. Default 8. */
  readonly waiting?: number;
}

/** One request at a time for each institution, which cannot occupy all database connections. */
export interface Turns {
  /** @throws CodedError `too_many_requests`, which is not recorded, so that a flood cannot fill the log */
  enqueue<Result>(institution: string, work: () => Promise<Result>): Promise<Result>;
}

interface Line {
  window: number;
  current: number;
  previous: number;
  waiting: number;
  last: Promise<unknown>;
}

/** Their number is bounded by the directory. */
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
    async enqueue(institution, work) {
      const now = clock.now();
      const line = lineOf(institution, Math.floor(now / windowMs));
      const stillCounts = 1 - (now % windowMs) / windowMs;
      if (line.current + line.previous * stillCounts >= perMinute || line.waiting >= waiting)
        throw refuse('registration_rate', 'Your institution has sent too many requests. Try again in a minute.');
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
