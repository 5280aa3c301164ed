import { databaseErrors } from '@countersign/runtime';

/**
 * Readings at once. They share the database's connections with what has to be recorded before anything is released: most
 * of these stay free for that, whoever reads and however much.
 */
const atOnce = 4;
const ofOneAtOnce = 2;
/** Of one institution: at some seconds each, none waits for longer than its connection is kept. */
const mostWaiting = 32;

/** Whoever reads evidence waits for their turn. */
export interface ReadingTurns {
  /**
   * Does the work when its turn has come: in the order in which they came, and of no institution more than two at once.
   *
   * @throws CodedError `overloaded` when too many of the same institution wait already; what the work throws
   */
  take<Result>(institution: string, work: () => Promise<Result>): Promise<Result>;
}

export function createReadingTurns(): ReadingTurns {
  const reading = new Map<string, number>();
  let running = 0;
  let waiting: readonly { readonly institution: string; readonly go: () => void }[] = [];

  const isFree = (institution: string): boolean => running < atOnce && (reading.get(institution) ?? 0) < ofOneAtOnce;

  function begin(institution: string): void {
    running++;
    reading.set(institution, (reading.get(institution) ?? 0) + 1);
  }

  function end(institution: string): void {
    running--;
    const left = (reading.get(institution) ?? 1) - 1;
    if (left === 0) reading.delete(institution);
    else reading.set(institution, left);
    const next = waiting.find((one) => isFree(one.institution));
    if (next === undefined) return;
    waiting = waiting.filter((one) => one !== next);
    begin(next.institution);
    next.go();
  }

  return {
    async take(institution, work) {
      if (isFree(institution)) begin(institution);
      else {
        if (waiting.filter((one) => one.institution === institution).length >= mostWaiting)
          throw databaseErrors.error(
            'overloaded',
            'Too much evidence is being read for your institution at this moment. Try again shortly.',
          );
        await new Promise<void>((go) => {
          waiting = [...waiting, { institution, go }];
        });
      }
      try {
        return await work();
      } finally {
        end(institution);
      }
    },
  };
}
