import type { LoggedCommand, LoggedKind } from '@countersign/commands';
import type { CodedError, RecordId } from '@countersign/kernel';
import type { RetentionState } from './ledger/fold.ts';
import type { Requester } from './requester.ts';
import type { Store } from './store.ts';

/** A command about retention: all of them rest on the same records, and are carried out one after the other. */
export type RetentionCommand<Ask, Answer, Facts = undefined> = LoggedCommand<
  Ask,
  RecordId,
  RetentionState,
  Facts,
  Answer
>;

export type RetentionKind = LoggedKind<RecordId, RetentionState>;

/** What the commands are about. The log is the state: no row says any of it. */
export interface RetentionKinds {
  /** Something new: a proposal, a hold. By an id of its own. */
  readonly begun: RetentionKind;
  /** What becomes of it: there is one decision about each, and one end. By the record that began it. */
  readonly decided: RetentionKind;
}

export function createRetentionKinds(store: Store, read: () => Promise<RetentionState>): RetentionKinds {
  const lock: RetentionKind['lock'] = (session) => store.lockDecisions(session);
  return { begun: { kind: 'retention', lock, read }, decided: { kind: 'retention-decision', lock, read } };
}

/** A decision about what somebody proposed or placed, judged before its turn: that takes its time. */
export interface Decision<Of> {
  readonly of: Of;
  readonly by: Requester;
  /** Why it may not be, as found before its turn. */
  readonly refusal: CodedError | undefined;
  /** Of the state by which that was found. */
  readonly governedUpTo: bigint;
}

/** Steps that commands here have in common. What was decided is settled, whoever repeats it. */
export const plain = {
  facts: async () => undefined,
  done: () => undefined,
  after: async () => undefined,
} as const;
