import { errorVocabulary } from '@countersign/kernel';
import type { PrincipalId } from './principals.ts';

/** Risk signals by the names that policies use. Each is raised by code and read by a policy or rule. */
export const personSignals = [
  'impossible-travel',
  'credential-compromised',
  'account-disabled',
  'device-new',
  'failed-attempts',
  /** An authenticator was recovered recently: the person may not move value. */
  'recovery-cooling-off',
] as const;
export type PersonSignal = (typeof personSignals)[number];

/**
 * Signals that somebody else may be using the account, or that its key is too new to vouch for others. While one is raised, the
 * person cannot approve anything or take emergency access.
 */
export const blockingSignals: ReadonlySet<string> = new Set<PersonSignal>([
  'account-disabled',
  'credential-compromised',
  'impossible-travel',
  'recovery-cooling-off',
]);

export const personSignalErrors = errorVocabulary({
  /** This process's copy of the signals is too old. */
  signals_behind: 'unavailable',
});

/** Risk signals of people; policies then require a step-up or deny. */
export interface PersonSignals {
  /**
   * The signals raised for a person, sorted, at most one second old. Costs a map access.
   *
   * @throws CodedError `signals_behind` when a copy in another process has not been confirmed for some seconds
   */
  of(person: string): readonly PersonSignal[];
  /** Raises a signal until a time (RFC 3339). Recorded first; raising it again moves the end. */
  raise(signal: {
    readonly person: PrincipalId;
    readonly name: PersonSignal;
    readonly until: string;
    /** Explanation for the investigator. */
    readonly why: string;
  }): Promise<void>;
  clear(person: PrincipalId, name: PersonSignal, by: string): Promise<void>;
}
