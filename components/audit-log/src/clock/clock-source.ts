export type ClockReading =
  | {
      readonly measured: true;
      /** True time minus our clock, in microseconds: positive when our clock is behind. */
      readonly offsetUs: number;
      /** Upper bound on the error of the offset, in microseconds. */
      readonly uncertaintyUs: number;
      /** Distance to the reference clock in servers (RFC 5905 section 7.3); 1 is directly attached. */
      readonly stratum: number;
      readonly reference: string;
    }
  | { readonly measured: false; readonly reason: string };

export interface ClockSource {
  readonly kind: 'system' | 'chrony' | 'ntp';
  /** Returns within a bounded time. A failure is a reading with `measured: false`. */
  measure(): Promise<ClockReading>;
}

export const systemClockSource: ClockSource = {
  kind: 'system',
  measure: async () => ({ measured: false, reason: 'no source of time is configured' }),
};
