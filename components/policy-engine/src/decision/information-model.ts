import type {
  Actor,
  AtLeast,
  DecisionReason,
  EvaluationRequest,
  RecordDraft,
  ReserveOutcome,
  SearchRequest,
} from '@countersign/contracts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Posed } from './question.ts';
import type { Candidates } from './search.ts';

/** Turns requests into questions for the policies of one domain, so that the decision point is independent of trading. */
export interface InformationModel<Input> {
  /** The question at this moment. Reads only the directory, is synchronous, and does not throw for invalid input. */
  pose(input: Input, bundle: LoadedBundle): Posed;
  /** Waits until the directory has at least this version. @throws CodedError `policy_behind` */
  entitiesAtLeast(version: number): Promise<void>;
  readonly outside: OutsideRequests<Input>;
}

/** Reads requests of outside enforcement points. Facts that we can read ourselves are never taken from the request. */
export interface OutsideRequests<Input> {
  /** @throws CodedError `evaluation_invalid` */
  atLeast(context: EvaluationRequest['context']): AtLeast;
  /** The input, with facts read from their owners. @throws CodedError `evaluation_invalid`; errors of the owners */
  read(request: EvaluationRequest, caller: Actor): Promise<Input>;
  /** The input without asynchronous facts, to be recorded when they did not arrive in time. */
  unread(request: EvaluationRequest, caller: Actor): Input;
  /** A refusal that precedes the policies; undefined if the policies decide. */
  refusal(input: Input): DecisionReason | undefined;
  /** Checks a permit against limits; undefined if no limits apply. */
  limitsOn(input: Input): Promise<ReserveOutcome> | undefined;
  about(input: Input): Pick<RecordDraft, 'subject' | 'transaction' | 'intent' | 'mandate'>;
  /** At one version of the directory. @throws CodedError `search_not_supported`, `evaluation_invalid` */
  candidates(
    request: SearchRequest,
    caller: Actor,
    bundle: LoadedBundle,
  ): Promise<Pick<Candidates, 'after' | 'entityVersion'>>;
}
