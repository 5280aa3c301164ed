import type { AuditAppender, RecordDraft } from '@countersign/contracts';
import { auditLogErrors } from '@countersign/contracts';
import { newId, sha256 } from '@countersign/kernel';
import { formatVerifierKey, type PolicyWitness } from '@countersign/merkle-log';
import type { Logger, Metrics } from '@countersign/runtime';
import type { WitnessFault } from './witness-client.ts';

const meanings: Readonly<Record<WitnessFault['kind'], string>> = {
  'rolled-back': 'a witness remembers less than it has cosigned: it is not counted until it has caught up',
  'caught-up': 'a witness that remembered less has caught up by proof, and is counted again',
  forged: 'a witness answered with a cosignature that its key does not verify',
  contradicts: 'a witness does not find that the log extends what it cosigned: one of the two has another history',
  ahead:
    'a witness has cosigned more records than this log has ever signed: its database may be an older backup; restore it, publish nothing else',
};

/** Reports faults of witnesses in the server log, as a metric, and as a record. */
export function createWitnessAlarms(dependencies: {
  readonly append: AuditAppender['append'];
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'counter'> | undefined;
  readonly origin: string;
}) {
  const { append, logger, metrics, origin } = dependencies;
  const counted = metrics?.counter(
    'countersign_log_witness_alarms_total',
    'What witnesses of the audit log did that witnesses do not do',
    ['witness', 'kind'],
  );
  /** The last alarm of each witness, so that repetitions do not fill the log. */
  const said = new Map<string, WitnessFault['kind']>();
  const beingRecorded = new Set<Promise<void>>();

  return {
    raise(witness: PolicyWitness, fault: WitnessFault): void {
      const key = formatVerifierKey(witness.key);
      if (said.get(key) === fault.kind) return;
      said.set(key, fault.kind);
      const { kind, ...sizes } = fault;
      const facts = Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, String(size)]));
      counted?.inc({ witness: witness.name, kind });
      logger[kind === 'caught-up' ? 'warn' : 'error']({ witness: witness.name, kind, ...facts }, meanings[kind]);
      const recording = appendOnce(append, {
        id: idOf(['log.witness-alarm', origin, key, kind, ...Object.values(facts)]),
        type: 'log.witness-alarm',
        source: 'audit-log',
        outcome: kind === 'caught-up' ? 'done' : 'deny',
        ...(kind === 'caught-up' ? {} : { reason: `witness_${kind.replaceAll('-', '_')}` }),
        data: { witness: witness.name, key, kind, ...facts },
      }).catch((error: unknown) => logger.error({ error, witness: witness.name }, 'a witness alarm was not recorded'));
      beingRecorded.add(recording);
      void recording.finally(() => beingRecorded.delete(recording));
    },
    async recorded(): Promise<void> {
      await Promise.all(beingRecorded);
    },
    /** The next fault of a witness is reported again after a good answer. */
    settle(witness: PolicyWitness): void {
      said.delete(formatVerifierKey(witness.key));
    },
  };
}

export type WitnessAlarms = ReturnType<typeof createWitnessAlarms>;

/** The same on every node, so that an alarm is recorded once. */
export function idOf(parts: readonly string[]) {
  return newId('record', {
    clock: { now: () => 0 },
    random: { bytes: (size) => sha256(parts.join('\n')).subarray(0, size) },
  });
}

/** Another node may already have recorded it. */
export async function appendOnce(append: AuditAppender['append'], draft: RecordDraft): Promise<void> {
  try {
    await append(draft);
  } catch (error) {
    if (!auditLogErrors.is(error, 'record_identity_taken')) throw error;
  }
}
