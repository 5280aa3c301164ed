import type { Clock } from '@countersign/kernel';
import { type Logger, type Metrics, networkOf } from '@countersign/runtime';

/** Per network and window. */
const failuresToAlarm = 20;
const windowMs = 10 * 60_000;
const maxNetworks = 10_000;

export type FailureAlarm = ReturnType<typeof createFailureAlarm>;

/** Counts refused attempts and logs an error, once a window, for a network with many. */
export function createFailureAlarm(dependencies: {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, 'counter'> | undefined;
}) {
  const { clock, logger, metrics } = dependencies;
  const labels = ['method', 'code'] as const;
  const refused = metrics?.counter('countersign_sign_in_refusals_total', 'Sign-in attempts that were refused', labels);
  const alarms = metrics?.counter(
    'countersign_sign_in_alarms_total',
    `Networks from which ${failuresToAlarm} sign-in attempts were refused within ten minutes`,
  );
  let window = 0;
  let counts = new Map<string, number>();
  return {
    failed({
      method,
      code,
      address,
    }: {
      readonly method: string;
      readonly code: string;
      readonly address: string | undefined;
    }) {
      refused?.inc({ method, code });
      const now = Math.floor(clock.now() / windowMs);
      if (now !== window || counts.size >= maxNetworks) {
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
