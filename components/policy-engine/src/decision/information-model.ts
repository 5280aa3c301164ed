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
import type { Posed } from './posed.ts';
import type { Candidates } from './search.ts';

/**
 * What a decision point knows of the world that its policies speak of: how a request becomes a question. The trading
 * model is one; the decision point knows nothing of trading.
 */
export interface InformationModel<Input> {
  /**
   * The question as it stands now. Pure but for what it reads of the directory; never waits, never throws for what is
   * wrong with the input.
   */
  pose(input: Input, bundle: LoadedBundle): Posed;
  /** Waits for a directory that is no older. @throws CodedError `policy_behind` */
  entitiesAtLeast(version: number): Promise<void>;
  readonly outside: OutsideRequests<Input>;
}

/** How requests of outside enforcement points are read: nothing they say about a fact that we can read is believed. */
export interface OutsideRequests<Input> {
  /** @throws CodedError `evaluation_invalid` */
  atLeast(context: EvaluationRequest['context']): AtLeast;
  /**
   * What the request is about, with the facts read from their owners.
   *
   * @throws CodedError `evaluation_invalid`; whatever keeps the facts from being read
   */
  read(request: EvaluationRequest, caller: Actor): Promise<Input>;
  /** The same without any fact that must be waited for: what is recorded when they did not come in time. */
  unread(request: EvaluationRequest, caller: Actor): Input;
  /** Why it is a no whatever the policies say; undefined where they decide. */
  refusal(input: Input): DecisionReason | undefined;
  /** What limits say to a permit; undefined where they have nothing to say. */
  limitsOn(input: Input): Promise<ReserveOutcome> | undefined;
  /** What a record of the decision is about. */
  about(input: Input): Pick<RecordDraft, 'subject' | 'transaction' | 'intent' | 'mandate'>;
  /**
   * What a search goes through: all of it at one version of the directory.
   *
   * @param bundle what the questions will be put to
   * @throws CodedError `search_not_supported`, `evaluation_invalid`
   */
  candidates(
    request: SearchRequest,
    caller: Actor,
    bundle: LoadedBundle,
  ): Promise<Pick<Candidates, 'after' | 'entityVersion'>>;
}
