import { type AuditLog, type PersonSignals, personSignalErrors } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { type Logger, startReadModel } from '@countersign/runtime';
import { createRecordedSignals } from './recorded-signals.ts';
import { createSignalMemory } from './signal-memory.ts';

export interface SignalsReplicaDependencies {
  /** The owner, in another process: signals are raised and cleared there. */
  readonly source: Pick<PersonSignals, 'raise' | 'clear'>;
  readonly log: Pick<AuditLog, 'search' | 'scan' | 'newest'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often the log is asked. 500 ms by default. */
  readonly everyMs?: number;
  /** How old the answer may be. 5 s by default. */
  readonly maxAgeMs?: number;
}

/** The signals of people in a process that does not own them. */
export interface SignalsReplica extends PersonSignals {
  /** What is recorded when this is called has been read when it resolves. @throws CodedError `log_unavailable` */
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Signals of people from the audit log alone: the owner is asked only to raise and clear them.
 *
 * `of` throws `signals_behind` once the log could not be read for `maxAgeMs`: who asks then refuses.
 *
 * @throws CodedError `log_unavailable`
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

  /** It is done in any case: where it cannot be read again, nobody is told what was before. */
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
