import { execFile } from 'node:child_process';
import type { ClockReading, ClockSource } from './clock-source.ts';

/** Measures the clock with the local chronyd (`chronyc -c tracking`). */
export function chronyClockSource({
  command = 'chronyc',
  timeoutMs = 3_000,
}: {
  readonly command?: string;
  readonly timeoutMs?: number;
} = {}): ClockSource {
  return {
    kind: 'chrony',
    measure: () =>
      new Promise((resolve) => {
        execFile(
          command,
          ['-c', 'tracking'],
          { timeout: timeoutMs, maxBuffer: 16_384, killSignal: 'SIGKILL' },
          (error, out) =>
            resolve(error === null ? readTracking(out) : { measured: false, reason: 'chronyc gave no answer' }),
        );
      }),
  };
}

/** Largest error: system time, root dispersion and half of the root delay together (chronyc manual, "tracking"). */
export function readTracking(report: string): ClockReading {
  const fields = report.trim().split('\n').at(-1)?.split(',') ?? [];
  if (fields.length !== 14) return { measured: false, reason: 'chronyc did not give a tracking report' };
  const [, reference = '', stratum, , correction, , , , , , rootDelay, rootDispersion, , leap] = fields;
  if (leap === 'Not synchronised' || stratum === '0') return { measured: false, reason: 'chronyd is not synchronised' };
  const [correctionS, delayS, dispersionS] = [correction, rootDelay, rootDispersion].map(Number);
  if (!isSeconds(correctionS) || !isSeconds(delayS) || !isSeconds(dispersionS) || !/^\d{1,2}$/.test(stratum ?? ''))
    return { measured: false, reason: 'the tracking report of chronyc is malformed' };
  return {
    measured: true,
    // Positive when our clock is behind NTP time.
    offsetUs: Math.round(correctionS * 1e6),
    uncertaintyUs: Math.ceil((Math.abs(dispersionS) + Math.abs(delayS) / 2) * 1e6),
    stratum: Number(stratum),
    reference,
  };
}

function isSeconds(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && Math.abs(value) < 1e9;
}
