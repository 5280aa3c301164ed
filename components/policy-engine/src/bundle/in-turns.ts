import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Whoever waits for a process that is at work for so long gets their turn. The step is done first: what is made of a whole
 * bundle at once (whether it can be written, its hash, the ancestors of its entities) takes a few hundred milliseconds for
 * tens of thousands of entities.
 */
const turnMs = 10;

/** Does work of many steps, letting other work through in between. */
export async function inTurns<Result>(steps: Generator<void, Result>): Promise<Result> {
  let turnEnds = performance.now() + turnMs;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() < turnEnds) continue;
    await nextTurn();
    turnEnds = performance.now() + turnMs;
  }
}

/** Does it without a pause. */
export function atOnce<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
