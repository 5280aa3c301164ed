import type { Clock } from '@countersign/kernel';
import { type Logger, type Metrics, networkOf } from '@countersign/runtime';

/** Refused attempts from one network within the window, from which on somebody should look. */
const failuresToAlarm = 20;
const windowMs = 10 * 60_000;
const mostNetworks = 10_000;

export interface FailureAlarm {
  failed(attempt: { readonly method: string; readonly code: string; readonly address: string | undefined }): void;
}

/** Counts refused attempts for those who watch, and raises its voice, once a window, where one network has many. */
export function createFailureAlarm({
  clock,
  logger,
  metrics,
}: {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, 'counter'> | undefined;
}): FailureAlarm {
  const refused = metrics?.counter('countersign_sign_in_refusals_total', 'Sign-in attempts that were refused', [
    'method',
    'code',
  ]);
  const alarms = metrics?.counter(
    'countersign_sign_in_alarms_total',
    `Networks from which ${failuresToAlarm} sign-in attempts were refused within ten minutes`,
  );
  let window = 0;
  let counts = new Map<string, number>();
  return {
    failed({ method, code, address }) {
      refused?.inc({ method, code });
      const now = Math.floor(clock.now() / windowMs);
      if (now !== window || counts.size >= mostNetworks) {
        window = now;
        counts = new Map();
      }
      const network = networkOf(address);
      const failures = (counts.get(network) ?? 0) + 1;
      counts.set(network, failures);
      if (failures !== failuresToAlarm) return;
      alarms?.inc();
      logger.error({ network, failures }, 'many sign-in attempts from one network were refused');
    },
  };
}
