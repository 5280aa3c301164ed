import type { ClockReading } from './clock-source.ts';

/** What one server told. */
export type ServerReading =
  | {
      readonly server: string;
      readonly stratum: number;
      readonly offsetUs: number;
      readonly uncertaintyUs: number;
    }
  | { readonly server: string; readonly failure: string };

/**
 * What more than half of those who answered agree on: each says that the offset lies within its uncertainty, and the
 * best of those whose statements can be true together is taken (Marzullo's intersection, RFC 5905 section 11.2.1).
 */
export function agreedReading(readings: readonly ServerReading[]): ClockReading {
  const answers = readings.flatMap((reading) => ('failure' in reading ? [] : [reading]));
  if (answers.length === 0) {
    const reasons = readings.map((reading) => ('failure' in reading ? `${reading.server}: ${reading.failure}` : ''));
    return { measured: false, reason: `no server gave the time (${reasons.join('; ')})`.slice(0, 500) };
  }
  // The lower ends suffice: where most intervals meet, one of them begins.
  const meetings = answers.map(({ offsetUs, uncertaintyUs }) => {
    const begin = offsetUs - uncertaintyUs;
    return answers.filter((other) => Math.abs(begin - other.offsetUs) <= other.uncertaintyUs + 1e-6);
  });
  const [most = []] = meetings.toSorted((a, b) => b.length - a.length);
  if (most.length * 2 <= answers.length)
    return {
      measured: false,
      reason: `the servers contradict each other (${answers.map(({ server }) => server).join()})`,
    };
  const [best] = most.toSorted((a, b) => a.uncertaintyUs - b.uncertaintyUs);
  if (best === undefined) return { measured: false, reason: 'no server gave the time' };
  return {
    measured: true,
    offsetUs: Math.round(best.offsetUs),
    uncertaintyUs: Math.ceil(best.uncertaintyUs),
    stratum: best.stratum,
    reference: best.server,
  };
}
