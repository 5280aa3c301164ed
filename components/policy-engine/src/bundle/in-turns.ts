import { setImmediate as nextTurn } from 'node:timers/promises';

/** A process that also answers others is not kept longer than this at a time. */
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
