import type { Actor, RecordDraft, StampedThing, TimeStamp } from '@countersign/contracts';
import { type Clock, newId, type Random, type RecordId, type TransactionId } from '@countersign/kernel';

/** So that bundles of the transaction include the stamp. */
export interface StampedOf {
  readonly record: RecordId;
  readonly transaction?: TransactionId;
}

export function stampRecord(
  {
    thing,
    of,
    stamp,
    authority,
    by,
  }: {
    readonly thing: StampedThing;
    readonly of?: StampedOf;
    readonly stamp: TimeStamp;
    readonly authority: string;
    readonly by: Actor;
  },
  from: { readonly clock: Clock; readonly random: Random },
): RecordDraft {
  return {
    id: newId('record', from),
    type: 'timestamp.obtained',
    source: 'time-stamping',
    outcome: 'done',
    subject: by,
    ...(of === undefined ? {} : { references: [of.record] }),
    ...(of?.transaction === undefined ? {} : { transaction: of.transaction }),
    data: {
      thing: { ...thing },
      token: Buffer.from(stamp.token).toString('base64url'),
      time: stamp.time,
      ...(stamp.accuracyMs === undefined ? {} : { accuracy_ms: stamp.accuracyMs }),
      policy: stamp.policy,
      serial: stamp.serial,
      authority,
    },
  };
}
