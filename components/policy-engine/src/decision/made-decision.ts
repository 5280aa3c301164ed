import type { Decision, PolicyVersion, RecordedAnswer } from '@countersign/contracts';
import type { DecisionId, Json, RecordId } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { WrittenInput } from './document.ts';
import type { Verdict } from './judge.ts';

/**
 * A decision whose input is written on first read; see `writeInput`. Input and digest are getters, which a spread does not copy, so
 * {@link recordedAnswer} names them.
 */
export class MadeDecision implements Decision {
  readonly id: DecisionId;
  readonly decision: boolean;
  readonly policyVersion: number;
  readonly policyHash: Decision['policyHash'];
  readonly determining: Decision['determining'];
  readonly errors: Decision['errors'];
  readonly reasons: Decision['reasons'];
  readonly obligations: Decision['obligations'];
  readonly tokenLifetimeSeconds?: number;
  readonly timeStamp?: true;
  readonly entityVersion: number;
  readonly policyRecord: RecordId;
  readonly #written: WrittenInput;

  constructor(
    id: DecisionId,
    version: Pick<PolicyVersion, 'version' | 'hash' | 'recordId'>,
    verdict: Verdict,
    entityVersion: number,
    written: WrittenInput,
  ) {
    this.id = id;
    this.decision = verdict.decision;
    this.policyVersion = version.version;
    this.policyHash = version.hash;
    this.determining = verdict.determining;
    this.errors = verdict.errors;
    this.reasons = verdict.reasons;
    this.obligations = verdict.obligations;
    if (verdict.tokenLifetimeSeconds !== undefined) this.tokenLifetimeSeconds = verdict.tokenLifetimeSeconds;
    if (verdict.timeStamp !== undefined) this.timeStamp = verdict.timeStamp;
    this.entityVersion = entityVersion;
    this.policyRecord = version.recordId;
    this.#written = written;
  }

  /** The value of {@link inputText}. */
  get input(): Json {
    return this.#written.input;
  }

  get inputDigest(): Decision['inputDigest'] {
    return this.#written.digest;
  }

  get inputText(): string {
    return this.#written.text;
  }
}

/**
 * The decision with the record that holds it.
 *
 * @param notes of the deciding bundle
 */
export function recordedAnswer(made: MadeDecision, recordId: RecordId, notes: LoadedBundle['notes']): RecordedAnswer {
  return {
    ...made,
    // Getters, because few readers of an answer need these members.
    get input() {
      return made.input;
    },
    get inputDigest() {
      return made.inputDigest;
    },
    get inputText() {
      return made.inputText;
    },
    get policies() {
      return made.determining.map((id) => {
        const { effect, text } = notes(id);
        return { id, effect, text };
      });
    },
    recordId,
  };
}
