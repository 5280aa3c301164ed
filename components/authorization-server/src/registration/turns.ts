import type { Clock } from '@countersign/kernel';
import { refuse } from './refusals.ts';

const windowMs = 60_000;

export interface TurnLimits {
  /** Registrations, updates and removals that one institution may ask for in a minute on this node. Default 30. */
  readonly perMinute?: number;
  /** How many of them may wait for each other. Default 8. */
  readonly waiting?: number;
}

/** What the institutions ask for: of each one thing at a time, and only so many in a minute. */
export interface Turns {
  /**
   * Runs `work` when everything that the institution asked for before has ended. Each holds a connection while it asks
   * the directory, so that without turns one institution could take them all.
   *
   * @throws CodedError `too_many_requests`, which leaves no record: a flood must not fill the log either
   */
  take<Result>(institution: string, work: () => Promise<Result>): Promise<Result>;
}

interface Line {
  window: number;
  /** In this window, and in the one before, of which counts what is still within a minute. */
  current: number;
  previous: number;
  waiting: number;
  last: Promise<unknown>;
}

/** Lines are by institution of the directory: there are never more than those. */
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
