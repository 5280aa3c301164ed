import { type AuditLog, type PersonSignals, personSignalErrors } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { type Logger, startReadModel } from '@countersign/runtime';
import { createRecordedSignals } from './recorded-signals.ts';
import { createSignalMemory } from './signal-memory.ts';

export interface SignalsReplicaDependencies {
  readonly source: Pick<PersonSignals, 'raise' | 'clear'>;
  readonly log: Pick<AuditLog, 'search' | 'scan' | 'newest'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default 500 ms. */
  readonly everyMs?: number;
  /** Default 5 s. */
  readonly maxAgeMs?: number;
}

export interface SignalsReplica extends PersonSignals {
  /** Includes all that is recorded before this call. @throws CodedError `log_unavailable` */
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Signals read from the audit log; the owner only raises and clears them.
 * `of` throws `signals_behind` if the log could not be read for `maxAgeMs`. @throws CodedError `log_unavailable`
 */
export async function createSignalsReplica(dependencies: SignalsReplicaDependencies): Promise<SignalsReplica> {
  const { source, log, clock, logger } = dependencies;
  const memory = createSignalMemory(createRecordedSignals(log, clock), clock);
  const model = await startReadModel({
    ...dependencies,
    what: 'signals of people',
    read: () => memory.refresh(),
    tooOld: () =>
      personSignalErrors.error(
        'signals_behind',
        'What is unusual about people could not be read from the audit log for some seconds, so nothing is decided without it.',
      ),
  });

  /** The change is done even if this fails; then `of` throws instead of answering from before it. */
  async function readAgain(): Promise<void> {
    model.expire();
    await model.refresh().catch((error: unknown) => logger.warn({ error }, 'signals could not be read again'));
  }

  return {
    of(person) {
      model.requireFresh();
      return memory.of(person);
    },
    async raise(signal) {
      await source.raise(signal);
      await readAgain();
    },
    async clear(person, name, by) {
      await source.clear(person, name, by);
      await readAgain();
    },
    refresh: () => model.refresh(),
    stop: () => model.stop(),
  };
}
