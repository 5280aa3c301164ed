import type { Actor, RecordDraft, StampedThing, TimeStamp } from '@countersign/contracts';
import { type Clock, defined, newId, type Random, type RecordId, type TransactionId } from '@countersign/kernel';

/** So that bundles of the transaction include the stamp. */
export interface StampedOf {
  readonly record: RecordId;
  readonly transaction?: TransactionId;
}

export function stampRecord(
  stamped: {
    readonly thing: StampedThing;
    readonly of?: StampedOf;
    readonly stamp: TimeStamp;
    readonly authority: string;
    readonly by: Actor;
  },
  from: { readonly clock: Clock; readonly random: Random },
): RecordDraft {
  const { thing, of, stamp, authority, by } = stamped;
  return {
    id: newId('record', from),
    type: 'timestamp.obtained',
    source: 'time-stamping',
    outcome: 'done',
    subject: by,
    ...defined({ references: of === undefined ? undefined : [of.record], transaction: of?.transaction }),
    data: {
      thing: { ...thing },
      token: Buffer.from(stamp.token).toString('base64url'),
      time: stamp.time,
      ...defined({ accuracy_ms: stamp.accuracyMs }),
      policy: stamp.policy,
      serial: stamp.serial,
      authority,
    },
  };
}
