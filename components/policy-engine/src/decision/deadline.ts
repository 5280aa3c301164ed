/** A time by which all of several pieces of work must be done. */
export interface Deadline {
  /** @returns what the work came to, or `late` when it did not in time; it is then left to itself */
  within<Result>(work: Promise<Result>): Promise<Result | typeof late>;
  /** Lets go of the timer. */
  end(): void;
}

export const late = Symbol('late');

/** @param milliseconds from now on, for everything together */
export function startDeadline(milliseconds: number): Deadline {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<typeof late>((resolve) => {
    timer = setTimeout(resolve, milliseconds, late);
  });
  return {
    async within(work) {
      const outcome = await Promise.race([work, over]);
      // What fails later fails for nobody.
      if (outcome === late) work.catch(() => undefined);
      return outcome;
    },
    end: () => clearTimeout(timer),
  };
}
