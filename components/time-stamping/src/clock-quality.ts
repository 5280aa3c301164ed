/** The last measurement of this process's clock. */
export interface ClockQuality {
  readonly reading:
    | {
        readonly measured: true;
        /** True time minus our clock, in microseconds. */
        readonly offsetUs: number;
        /** Upper bound on the error of the offset, in microseconds. */
        readonly uncertaintyUs: number;
      }
    | { readonly measured: false };
  /** Undefined if nothing measures the clock. */
  readonly withinBudget: boolean | undefined;
}

/** The clock is read in whole milliseconds. */
const resolutionMicroseconds = 1_000;

/** Largest error in microseconds. If it is unknown, a token states no accuracy (RFC 3161 section 2.4.2). */
export function accuracyOf(quality: ClockQuality | undefined): number | undefined {
  if (quality?.reading.measured !== true) return undefined;
  const { offsetUs, uncertaintyUs } = quality.reading;
  return Math.ceil(Math.abs(offsetUs) + uncertaintyUs) + resolutionMicroseconds;
}
