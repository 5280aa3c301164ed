import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work yields to other work after this time, between two steps. One step may take a few hundred milliseconds for a large bundle. */
const turnMs = 10;

/** @returns a function that gives a promise to await when it is time to yield */
export function startTurns(): () => Promise<void> | undefined {
  let turnEnds = performance.now() + turnMs;
  return () => {
    if (performance.now() < turnEnds) return undefined;
    return nextTurn().then(() => {
      turnEnds = performance.now() + turnMs;
    });
  };
}

export async function inTurns<Result>(steps: Generator<void, Result>): Promise<Result> {
  const betweenSteps = startTurns();
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    const others = betweenSteps();
    if (others !== undefined) await others;
  }
}

export function atOnce<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
