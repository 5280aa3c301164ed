import { type AuthenticatorId, type Digest, errorVocabulary, type SessionId } from '@countersign/kernel';
import type { Tier } from '@countersign/market';
import type { Actor } from './audit-log.ts';
import type { PrincipalId } from './principals.ts';

/** The class of a sign-in that proves nothing: a person picked by name. Refused outside development. */
export const developmentAcr = 'urn:countersign:acr:development';

/** Phishing-resistant (OpenID Enhanced Authentication Profile): a key that answers only to our origin. */
export const phishingResistantAcr = 'phr';
/** The same with a key that cannot leave its hardware. */
export const hardwareAcr = 'phrh';

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
  /** What the session is good for. */
  readonly tier: Tier;
  /** The managed device that it is on, where one has shown itself. */
  readonly device?: string;
  readonly authenticator?: AuthenticatorId;
  /** Issuer that vouches for the person, where somebody else signed them in: no assertion of theirs can be bound. */
  readonly issuer?: string;
  /**
   * Intents that the newest assertion was made for: `acr` and `authTime` are then that assertion's, and count for these
   * alone.
   */
  readonly boundTo?: readonly Digest[];
}

/** One of a person's sessions, for who may see or end it. */
export interface ListedSession extends Pick<SignIn, 'session' | 'person' | 'acr' | 'tier' | 'device'> {
  /** RFC 3339. */
  readonly startedAt: string;
  readonly lastSeenAt: string;
  readonly endsAt: string;
  /** As the browser and its address were described when it began; withheld values are left out. */
  readonly where?: string;
}

/** What a sign-in must be good for (RFC 9470 section 4, OpenID Connect Core section 3.1.2.1). */
export interface SignInNeed {
  /** Any of these; every class when empty. */
  readonly acrValues: readonly string[];
  /** The person must have signed in at this time or later, in seconds since the epoch (`max_age`, `prompt=login`). */
  readonly notBefore?: number;
  /** Whom the client expects; a hint and nothing more. */
  readonly loginHint?: string;
  /** What the session must be good for; for reading when left out. */
  readonly tier?: Tier;
  /**
   * Digests of the intents that it is for: a fresh assertion over a challenge that includes them, which counts for them
   * alone (RFC 9470 with dynamic linking). 1 to 8.
   */
  readonly intents?: readonly Digest[];
  /** Code of the policy's reason for which more is asked than before; it is shown and recorded. */
  readonly reason?: string;
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
  /** Too many pages or attempts from this address or in this browser, within a minute. */
  sign_in_too_many: 'rate-limited',
  /** Somebody else vouches for a sign-in that is older than what was asked for. */
  sign_in_too_old: 'forbidden',
  /** A sign-in leads back to our own origin and nowhere else. */
  return_to_foreign: 'invalid',
  /** The browser showed no certificate at the address for mutual TLS. */
  certificate_missing: 'unauthenticated',
  /** No good path leads from it to an authority that is trusted for people (RFC 5280 section 6). */
  certificate_untrusted: 'forbidden',
  /** It, or one above it, has expired or is not valid yet. */
  certificate_expired: 'forbidden',
  /** Its key usage or extended key usage is for something else. */
  certificate_usage: 'forbidden',
  certificate_key_weak: 'forbidden',
  certificate_policy: 'forbidden',
  certificate_revoked: 'forbidden',
  /** Nothing recent enough says whether it was revoked. */
  certificate_status_unknown: 'unavailable',
  provider_unknown: 'not-found',
  /** The identity provider did not sign the person in. */
  provider_refused: 'forbidden',
  /** What it answered does not fit what was asked, or its trust profile. */
  provider_answer_refused: 'forbidden',
  provider_unavailable: 'unavailable',
  /** There is no such session of this person, or none any more. */
  session_unknown: 'not-found',
});

/**
 * The interaction between who issues tokens and who knows the person. The authorization server sends the browser
 * to {@link begin}'s address and, when it comes back, asks {@link current}; neither sees the other's secrets.
 */
export interface Authentication {
  /**
   * Who is signed in in the browser that sent this `Cookie` header; undefined when nobody is, or no longer.
   *
   * @param need.tier which of the browser's sessions: those for reading are one, each other tier has its own. Reading
   *   when left out
   * @param need.intents answers with the step-up that was made for exactly these, where there is one
   * @param cookieHeader as received; bounded and parsed here
   */
  current(cookieHeader: string | undefined, need?: Pick<SignInNeed, 'tier' | 'intents'>): Promise<SignIn | undefined>;
  /** Everything that stands in one browser: the session for reading first, then the others, the strongest last. */
  inBrowser(cookieHeader: string | undefined): Promise<readonly SignIn[]>;
  /**
   * Begins a sign-in and says where to send the browser (a path on our own origin). When the person is through, the
   * browser is sent to `returnTo` by 303; when they give up, to `returnTo` too, and {@link current} says no.
   *
   * @param returnTo a path on our own origin, with its query
   * @param continuesTo where `returnTo` may send the browser on at once: the client's redirect URI. Browsers apply
   *   the `form-action` of the sign-in page to every redirect that follows its form.
   * @throws CodedError `return_to_foreign`; `sign_in_too_many` where too many have begun from this network
   */
  begin(request: {
    readonly returnTo: string;
    readonly continuesTo?: readonly string[];
    readonly need: SignInNeed;
    /** Name of the software that asks, for the page. */
    readonly clientName: string;
    /** IP address of the browser: nobody has shown yet who they are, and each sign-in that begins is kept for a while. */
    readonly address: string | undefined;
  }): Promise<string>;
  /**
   * The authentication context classes (`acr`) that are enough for a tier; undefined where any is. They hold for every
   * token in a person's name, whoever signed the person in.
   */
  classesFor(tier: Tier): readonly string[] | undefined;
  /** Of one person, newest first. */
  sessionsOf(person: PrincipalId): Promise<readonly ListedSession[]>;
  /** Whether a session still stands, whoever asks. */
  session(id: SessionId): Promise<SignIn | undefined>;
  /**
   * Ends a session; idempotent. Recorded before it takes effect.
   *
   * @param by who did it, where it was neither the person nor the installation
   */
  end(id: SessionId, reason: string, by?: Actor): Promise<void>;
  /**
   * Ends every session of a person, each recorded before it takes effect. When it fails midway, what was ended stays
   * ended, and asking again goes on from there.
   *
   * @returns how many this call ended
   */
  endAllOf(person: PrincipalId, reason: string, by?: Actor): Promise<number>;
}

/** Does this sign-in serve that need? */
export function satisfies(signIn: SignIn, need: SignInNeed): boolean {
  return (
    (need.acrValues.length === 0 || need.acrValues.includes(signIn.acr)) &&
    (need.notBefore === undefined || signIn.authTime >= need.notBefore) &&
    (need.intents === undefined || need.intents.every((intent) => signIn.boundTo?.includes(intent) === true))
  );
}
