import { databaseErrors } from '@countersign/runtime';

/** Readings share connections with appends, so most connections stay free. */
const atOnce = 4;
const ofOneAtOnce = 2;
/** At a few seconds each, no waiting request outlasts its connection. */
const maxWaiting = 32;

export interface ReadingTurns {
  /** In order of arrival, at most two of an institution at once. @throws CodedError `overloaded` if too many wait */
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
        if (waiting.filter((one) => one.institution === institution).length >= maxWaiting)
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
