import type { PersonSignals, PrincipalId } from '@countersign/contracts';
import type { AuthenticatorId } from '@countersign/kernel';

/** A person has shown who they are, from there. */
export interface SeenSignIn {
  readonly person: PrincipalId;
  readonly address: string | undefined;
  readonly userAgent: string | undefined;
  readonly device: string | undefined;
  readonly authenticator: AuthenticatorId | undefined;
}

/** An attempt that named a person by a proof of theirs, and failed all the same. */
export interface FailedAttempt {
  readonly person: PrincipalId | undefined;
  readonly address: string | undefined;
  readonly code: string;
}

/** What is unusual about how people sign in. */
export interface Risk extends PersonSignals {
  /** Looks at a sign-in that has been recorded; raises what is unusual. Never fails the sign-in. */
  signedIn(seen: SeenSignIn): Promise<void>;
  failed(attempt: FailedAttempt): Promise<void>;
  stop(): Promise<void>;
}
