export interface Deadline {
  /** @returns the result, or `late` after the deadline; the work then continues without a listener */
  within<Result>(work: Promise<Result>): Promise<Result | typeof late>;
  end(): void;
}

export const late = Symbol('late');

/** @param milliseconds from now, for all work together */
export function startDeadline(milliseconds: number): Deadline {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<typeof late>((resolve) => {
    timer = setTimeout(resolve, milliseconds, late);
  });
  return {
    async within(work) {
      const outcome = await Promise.race([work, over]);
      // Prevents an unhandled rejection after the deadline.
      if (outcome === late) work.catch(() => undefined);
      return outcome;
    },
    end: () => clearTimeout(timer),
  };
}
