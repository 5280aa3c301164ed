import { type AuthenticatorId, type Digest, errorVocabulary, type SessionId } from '@countersign/kernel';
import type { Tier } from '@countersign/market';
import type { Actor } from './audit-log.ts';
import type { PrincipalId } from './principals.ts';

/** The class of a development sign-in, which only selects a person by name. Refused outside development. */
export const developmentAcr = 'urn:countersign:acr:development';

/** Phishing-resistant: a key that works only for our origin (OpenID Enhanced Authentication Profile). */
export const phishingResistantAcr = 'phr';
/** Phishing-resistant with a key that cannot leave its hardware. */
export const hardwareAcr = 'phrh';

/** A person's sign-in in one browser. */
export interface SignIn {
  readonly session: SessionId;
  readonly person: PrincipalId;
  /** Authentication context class (OpenID Connect Core section 2). */
  readonly acr: string;
  /** RFC 8176. */
  readonly amr: readonly string[];
  /** Time of the last authentication, in seconds since the epoch. */
  readonly authTime: number;
  readonly tier: Tier;
  /** The managed device, if one proved its identity. */
  readonly device?: string;
  readonly authenticator?: AuthenticatorId;
  /** The partner's issuer, if a partner signed the person in. Such a sign-in has no assertion of ours. */
  readonly issuer?: string;
  /**
   * Intents of the newest step-up assertion. `acr` and `authTime` are then those of that assertion and apply only to these
   * intents.
   */
  readonly boundTo?: readonly Digest[];
}

/** A person's session as shown to those who may see or end it. */
export interface ListedSession extends Pick<SignIn, 'session' | 'person' | 'acr' | 'tier' | 'device'> {
  /** RFC 3339. */
  readonly startedAt: string;
  readonly lastSeenAt: string;
  readonly endsAt: string;
  /** Description of the browser and its address at the start; absent when restricted. */
  readonly where?: string;
}

/** Requirements for a sign-in (RFC 9470 section 4, OpenID Connect Core section 3.1.2.1). */
export interface SignInNeed {
  /** Any of these; every class when empty. */
  readonly acrValues: readonly string[];
  /** The person must have signed in at this time or later, in seconds since the epoch (`max_age`, `prompt=login`). */
  readonly notBefore?: number;
  /** The person whom the client expects; only a hint. */
  readonly loginHint?: string;
  /** Required tier; market data when left out. */
  readonly tier?: Tier;
  /**
   * Digests of 1 to 8 intents. Requires a fresh assertion over a challenge that includes them, valid only for them (RFC 9470 with
   * dynamic linking).
   */
  readonly intents?: readonly Digest[];
  /** Code of the policy's reason for the step-up; shown and recorded. */
  readonly reason?: string;
}

export const authenticationErrors = errorVocabulary({
  /** The sign-in page was opened without a sign-in in progress, or too late. */
  sign_in_unknown: 'not-found',
  sign_in_expired: 'conflict',
  /** The form came from another site or another browser. */
  sign_in_forged: 'forbidden',
  person_unknown: 'unauthenticated',
  method_not_available: 'forbidden',
  /** Only people of an institution whose LEI is `ISSUED` may act. */
  institution_not_issued: 'forbidden',
  sign_in_attempts_spent: 'rate-limited',
  /** Too many pages or attempts from this address or in this browser, within a minute. */
  sign_in_too_many: 'rate-limited',
  /** The partner's sign-in is older than required. */
  sign_in_too_old: 'forbidden',
  /** A sign-in returns only to our own origin. */
  return_to_foreign: 'invalid',
  /** The browser showed no certificate at the address for mutual TLS. */
  certificate_missing: 'unauthenticated',
  /** No valid path to an authority that is trusted for people (RFC 5280 section 6). */
  certificate_untrusted: 'forbidden',
  /** The certificate or its issuer has expired or is not yet valid. */
  certificate_expired: 'forbidden',
  /** Key usage or extended key usage does not allow sign-in. */
  certificate_usage: 'forbidden',
  certificate_key_weak: 'forbidden',
  certificate_policy: 'forbidden',
  certificate_revoked: 'forbidden',
  /** No recent revocation status is available. */
  certificate_status_unknown: 'unavailable',
  provider_unknown: 'not-found',
  /** The identity provider did not sign the person in. */
  provider_refused: 'forbidden',
  /** The provider's answer does not match the request or the trust profile. */
  provider_answer_refused: 'forbidden',
  provider_unavailable: 'unavailable',
  /** The person has no such session, or it has ended. */
  session_unknown: 'not-found',
});

/**
 * Sign-in for the authorization server. It sends the browser to the address of {@link begin} and calls {@link current} when the
 * browser returns; neither side sees the other's secrets.
 */
export interface Authentication {
  /**
   * The sign-in of the browser that sent this `Cookie` header; undefined when there is none or it has ended.
   *
   * @param need.tier selects the browser's session of this tier; market data when left out
   * @param need.intents returns the step-up for exactly these intents, if there is one
   * @param cookieHeader as received; bounded and parsed here
   */
  current(cookieHeader: string | undefined, need?: Pick<SignInNeed, 'tier' | 'intents'>): Promise<SignIn | undefined>;
  /** All sign-ins of one browser, the weakest tier first. */
  inBrowser(cookieHeader: string | undefined): Promise<readonly SignIn[]>;
  /**
   * Starts a sign-in and returns the path on our own origin to send the browser to. When the person finishes or cancels, the
   * browser is redirected to `returnTo` (303); after a cancel {@link current} finds no sign-in.
   *
   * @param returnTo a path on our own origin, with its query
   * @param continuesTo where `returnTo` may redirect next, such as the client's redirect URI. Browsers apply the `form-action` of
   * the sign-in page to every redirect that follows its form.
   * @throws CodedError `return_to_foreign`; `sign_in_too_many` when this network started too many sign-ins
   */
  begin(request: {
    readonly returnTo: string;
    readonly continuesTo?: readonly string[];
    readonly need: SignInNeed;
    /** Name of the client, shown on the page. */
    readonly clientName: string;
    /** IP address of the browser, for the limit on sign-ins that unauthenticated callers start. */
    readonly address: string | undefined;
  }): Promise<string>;
  /**
   * The authentication context classes (`acr`) that a tier accepts; undefined when it accepts any. They apply to every token in a
   * person's name, also after a partner's sign-in.
   */
  classesFor(tier: Tier): readonly string[] | undefined;
  /** The sessions of one person, newest first. */
  sessionsOf(person: PrincipalId): Promise<readonly ListedSession[]>;
  /** The sign-in of a session; undefined when it has ended. */
  session(id: SessionId): Promise<SignIn | undefined>;
  /**
   * Ends a session; idempotent. Recorded before it takes effect.
   *
   * @param by the actor, unless it was the person or the installation
   */
  end(id: SessionId, reason: string, by?: Actor): Promise<void>;
  /**
   * Ends every session of a person, each recorded before it takes effect. After a failure, repeating the call continues.
   *
   * @returns how many this call ended
   */
  endAllOf(person: PrincipalId, reason: string, by?: Actor): Promise<number>;
}

export function satisfies(signIn: SignIn, need: SignInNeed): boolean {
  return (
    (need.acrValues.length === 0 || need.acrValues.includes(signIn.acr)) &&
    (need.notBefore === undefined || signIn.authTime >= need.notBefore) &&
    (need.intents === undefined || need.intents.every((intent) => signIn.boundTo?.includes(intent) === true))
  );
}
