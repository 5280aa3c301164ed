import { errorVocabulary } from '@countersign/kernel';
import type { PrincipalId } from './principals.ts';

/** Names under which policies ask for signals. Each has code that raises it and a policy or rule that reads it. */
export const personSignals = [
  'impossible-travel',
  'credential-compromised',
  'account-disabled',
  'device-new',
  'failed-attempts',
  /** A factor was recovered lately: nothing that moves value. */
  'recovery-cooling-off',
] as const;
export type PersonSignal = (typeof personSignals)[number];

/**
 * Signals that somebody else may be using the account, or that its key is too new to vouch for others. While one of them
 * stands, the person approves nothing and takes no emergency access.
 */
export const unsettlingSignals: ReadonlySet<string> = new Set<PersonSignal>([
  'account-disabled',
  'credential-compromised',
  'impossible-travel',
  'recovery-cooling-off',
]);

export const personSignalErrors = errorVocabulary({
  /** A copy of the signals in another process is too old to be relied on. */
  signals_behind: 'unavailable',
});

/** What is unusual about a person now; policies step up, or deny. */
export interface PersonSignals {
  /**
   * Those that stand, sorted, on this node; as new as a second ago. Costs a map access.
   *
   * @throws CodedError `signals_behind` from a copy in another process that has not been confirmed for some seconds
   */
  of(person: string): readonly PersonSignal[];
  /** Raised until a time (RFC 3339), recorded first; raising again moves the end. */
  raise(signal: {
    readonly person: PrincipalId;
    readonly name: PersonSignal;
    readonly until: string;
    /** In words, for who looks into it. */
    readonly why: string;
  }): Promise<void>;
  clear(person: PrincipalId, name: PersonSignal, by: string): Promise<void>;
}
