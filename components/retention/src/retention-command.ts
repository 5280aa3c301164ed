import type { LoggedCommand, LoggedKind } from '@countersign/commands';
import type { CodedError, RecordId } from '@countersign/kernel';
import type { RetentionState } from './ledger/fold.ts';
import type { Requester } from './requester.ts';
import type { Store } from './store.ts';

/** Commands about retention share one state and run one after the other. */
export type RetentionCommand<Ask, Answer, Facts = undefined> = LoggedCommand<
  Ask,
  RecordId,
  RetentionState,
  Facts,
  Answer
>;

export type RetentionKind = LoggedKind<RecordId, RetentionState>;

export interface RetentionKinds {
  /** A proposal or a hold, by its own id. */
  readonly begun: RetentionKind;
  /** The single decision about it, by the id of its record. */
  readonly decided: RetentionKind;
}

export function createRetentionKinds(store: Store, read: () => Promise<RetentionState>): RetentionKinds {
  const lock: RetentionKind['lock'] = (session) => store.lockDecisions(session);
  return { begun: { kind: 'retention', lock, read }, decided: { kind: 'retention-decision', lock, read } };
}

/** A decision that was examined before its turn, because that takes time. */
export interface Decision<Of> {
  readonly of: Of;
  readonly by: Requester;
  readonly refusal: CodedError | undefined;
  /** Of the state that was examined. */
  readonly governedUpTo: bigint;
}

export const plain = {
  facts: async () => undefined,
  done: () => undefined,
  after: async () => undefined,
} as const;
