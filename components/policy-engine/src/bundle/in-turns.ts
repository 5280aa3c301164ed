import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Whoever waits for a process that is at work for so long gets their turn. The step is done first: what is made of a whole
 * bundle at once (whether it can be written, its hash, the ancestors of its entities) takes a few hundred milliseconds for
 * tens of thousands of entities.
 */
const turnMs = 10;

/** @returns what to wait for between two steps, if anything: whoever is at work for long enough lets others through */
export function startTurns(): () => Promise<void> | undefined {
  let turnEnds = performance.now() + turnMs;
  return () => {
    if (performance.now() < turnEnds) return undefined;
    return nextTurn().then(() => {
      turnEnds = performance.now() + turnMs;
    });
  };
}

/** Does work of many steps, letting other work through in between. */
export async function inTurns<Result>(steps: Generator<void, Result>): Promise<Result> {
  const betweenSteps = startTurns();
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    const others = betweenSteps();
    if (others !== undefined) await others;
  }
}

/** Does it without a pause. */
export function atOnce<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
