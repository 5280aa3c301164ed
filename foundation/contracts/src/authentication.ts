import { errorVocabulary, type SessionId } from '@countersign/kernel';
import type { PrincipalId } from './principals.ts';

/** The class of a sign-in that proves nothing: a person picked by name. Refused outside development. */
export const developmentAcr = 'urn:countersign:acr:development';

/** A person who is signed in in one browser. */
export interface SignIn {
  readonly session: SessionId;
  readonly person: PrincipalId;
  /** Authentication context class (OpenID Connect Core section 2). */
  readonly acr: string;
  /** RFC 8176. */
  readonly amr: readonly string[];
  /** Seconds since the epoch: when the person last showed who they are. */
  readonly authTime: number;
}

/** What a sign-in must be good for (RFC 9470 section 4, OpenID Connect Core section 3.1.2.1). */
export interface SignInNeed {
  /** Any of these; every class when empty. */
  readonly acrValues: readonly string[];
  /** The person must have signed in at this time or later, in seconds since the epoch (`max_age`, `prompt=login`). */
  readonly notBefore?: number;
  /** Whom the client expects; a hint and nothing more. */
  readonly loginHint?: string;
}

export const authenticationErrors = errorVocabulary({
  /** The sign-in page was opened without having been sent there, or too late. */
  sign_in_unknown: 'not-found',
  sign_in_expired: 'conflict',
  /** The form did not come from our own page, or not from the browser that the page was sent to. */
  sign_in_forged: 'forbidden',
  person_unknown: 'unauthenticated',
  method_not_available: 'forbidden',
  /** Only people of an institution whose LEI is `ISSUED` may act. */
  institution_not_issued: 'forbidden',
  sign_in_attempts_spent: 'rate-limited',
  /** A sign-in leads back to our own origin and nowhere else. */
  return_to_foreign: 'invalid',
});

/**
 * The interaction between who issues tokens and who knows the person. The authorization server sends the browser
 * to {@link begin}'s address and, when it comes back, asks {@link current}; neither sees the other's secrets.
 */
export interface Authentication {
  /**
   * Who is signed in in the browser that sent this `Cookie` header; undefined when nobody is, or no longer.
   *
   * @param cookieHeader as received; bounded and parsed here
   */
  current(cookieHeader: string | undefined): Promise<SignIn | undefined>;
  /**
   * Begins a sign-in and says where to send the browser (a path on our own origin). When the person is through, the
   * browser is sent to `returnTo` by 303; when they give up, to `returnTo` too, and {@link current} says no.
   *
   * @param returnTo a path on our own origin, with its query
   * @param continuesTo where `returnTo` may send the browser on at once: the client's redirect URI. Browsers apply
   *   the `form-action` of the sign-in page to every redirect that follows its form.
   * @throws CodedError `return_to_foreign`
   */
  begin(request: {
    readonly returnTo: string;
    readonly continuesTo?: readonly string[];
    readonly need: SignInNeed;
    /** Name of the software that asks, for the page. */
    readonly clientName: string;
  }): Promise<string>;
  /** Whether a session still stands, whoever asks. */
  session(id: SessionId): Promise<SignIn | undefined>;
  /** Ends a session; idempotent. Recorded before it takes effect. */
  end(id: SessionId, reason: string): Promise<void>;
  /**
   * Ends every session of a person, each recorded before it takes effect. When it fails midway, what was ended stays
   * ended, and asking again goes on from there.
   *
   * @returns how many this call ended
   */
  endAllOf(person: PrincipalId, reason: string): Promise<number>;
}

/** Does this sign-in serve that need? */
export function satisfies(signIn: SignIn, need: SignInNeed): boolean {
  return (
    (need.acrValues.length === 0 || need.acrValues.includes(signIn.acr)) &&
    (need.notBefore === undefined || signIn.authTime >= need.notBefore)
  );
}
