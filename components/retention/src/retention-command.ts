import type { LoggedCommand, LoggedCommands, LoggedKind } from '@countersign/commands';
import { type LogCustody, retentionErrors } from '@countersign/contracts';
import { type Clock, type CodedError, type Random, type RecordId, visibleLine } from '@countersign/kernel';
import type { Requester } from './dependencies.ts';
import type { RetentionState } from './ledger/fold.ts';
import type { Ledger } from './ledger/ledger.ts';
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
  readonly started: RetentionKind;
  /** The single decision about it, by the id of its record. */
  readonly decided: RetentionKind;
}

export function createRetentionKinds(store: Store, read: () => Promise<RetentionState>): RetentionKinds {
  const lock: RetentionKind['lock'] = (session) => store.lockDecisions(session);
  return { started: { kind: 'retention', lock, read }, decided: { kind: 'retention-decision', lock, read } };
}

export interface UseCase {
  readonly kinds: RetentionKinds;
  readonly commands: LoggedCommands;
  readonly ledger: Ledger;
  readonly custody: LogCustody;
  readonly clock: Clock;
  readonly random: Random;
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

/** @throws CodedError `retention_malformed` */
export function readLine(name: string, text: string): string {
  const line = visibleLine(text, 400);
  if (line !== undefined) return line;
  throw retentionErrors.error('retention_malformed', `${name} is one line of 1 to 400 characters.`);
}
