import { execFile } from 'node:child_process';
import type { ClockReading, ClockSource } from './clock-source.ts';

/** Asks the chronyd of this machine (`chronyc -c tracking`). @param command where chronyc is, `chronyc` by default */
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

/**
 * The fields of a tracking report. Our clock is off by no more than its system time, root dispersion and half of the root
 * delay together (chronyc manual, "tracking").
 */
export function readTracking(report: string): ClockReading {
  const fields = report.trim().split('\n').at(-1)?.split(',') ?? [];
  if (fields.length !== 14) return { measured: false, reason: 'chronyc did not give a tracking report' };
  const [, reference = '', stratum, , correction, , , , , , rootDelay, rootDispersion, , leap] = fields;
  if (leap === 'Not synchronised' || stratum === '0') return { measured: false, reason: 'chronyd is not synchronised' };
  const [correctionS, delayS, dispersionS] = [correction, rootDelay, rootDispersion].map(Number);
  if (!isSeconds(correctionS) || !isSeconds(delayS) || !isSeconds(dispersionS) || !/^\d{1,2}$/.test(stratum ?? ''))
    return { measured: false, reason: 'chronyc gave a report that is not one' };
  return {
    measured: true,
    // Positive where the clock is slow of NTP time.
    offsetUs: Math.round(correctionS * 1e6),
    uncertaintyUs: Math.ceil((Math.abs(dispersionS) + Math.abs(delayS) / 2) * 1e6),
    stratum: Number(stratum),
    reference,
  };
}

function isSeconds(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && Math.abs(value) < 1e9;
}
