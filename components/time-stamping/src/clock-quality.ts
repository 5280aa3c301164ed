/** How good the time of this process is, as it was measured last. */
export interface ClockQuality {
  readonly reading:
    | {
        readonly measured: true;
        /** True time minus our clock, in microseconds. */
        readonly offsetUs: number;
        /** The offset is not further off than this, in microseconds. */
        readonly uncertaintyUs: number;
      }
    | { readonly measured: false };
  /** Undefined where there is no source that could tell. */
  readonly withinBudget: boolean | undefined;
}

/** The clock is read in whole milliseconds. */
const resolutionMicroseconds = 1_000;

/**
 * How far a time of ours may be off, in microseconds; undefined when nobody knows. A token then states no accuracy: to
 * state one would be to promise it (RFC 3161 section 2.4.2).
 */
export function accuracyOf(quality: ClockQuality | undefined): number | undefined {
  if (quality?.reading.measured !== true) return undefined;
  const { offsetUs, uncertaintyUs } = quality.reading;
  return Math.ceil(Math.abs(offsetUs) + uncertaintyUs) + resolutionMicroseconds;
}
