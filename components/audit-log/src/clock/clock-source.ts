/** How far this machine's clock is from the time that its source knows. */
export type ClockReading =
  | {
      readonly measured: true;
      /** True time minus our clock: positive where our clock is behind. Microseconds. */
      readonly offsetUs: number;
      /** The offset is not further off than this. Microseconds. */
      readonly uncertaintyUs: number;
      /** Distance to the reference in servers (RFC 5905 section 7.3); 1 is beside it. */
      readonly stratum: number;
      /** What it was measured against, as the source names it. */
      readonly reference: string;
    }
  | { readonly measured: false; readonly reason: string };

/** What tells how good the clock is. */
export interface ClockSource {
  readonly kind: 'system' | 'chrony' | 'ntp';
  /** Bounded in time; what fails is a reading that was not measured. */
  measure(): Promise<ClockReading>;
}

/** The operating system's clock, of which nothing is known. */
export const systemClockSource: ClockSource = {
  kind: 'system',
  measure: async () => ({ measured: false, reason: 'no source of time is configured' }),
};
