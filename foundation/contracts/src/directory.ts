import {
  type ChangeId,
  type DecimalString,
  type Digest,
  errorVocabulary,
  type Json,
  type RecordId,
} from '@countersign/kernel';
import type { Cfi, Country, Currency, Lei, Mic } from '@countersign/market';
import type { Actor } from './audit-log.ts';
import type { Departure } from './departures.ts';
import type { AccountId, ClientId, PrincipalId, ResourceUri } from './principals.ts';
import type { Requester } from './requester.ts';
import type { TrustProfileInput } from './trust-profile.ts';

export interface Institution {
  readonly lei: Lei;
  readonly name: string;
  readonly country: Country;
  /** GLEIF registration status; see {@link isInBusiness}. */
  readonly leiStatus: 'ISSUED' | 'LAPSED' | 'RETIRED';
  /** What compliance has found of it. Policies deny where they need it and it is left out. */
  readonly compliance?: InstitutionCompliance;
  /** Regions in which its data may be worked on; anywhere when left out. */
  readonly dataRegions?: readonly string[];
}

/**
 * Whether its people and software may act at all. One whose registration was retired is no more. One whose registration has
 * lapsed begins nothing new, which the policies say: it cancels, revokes, settles what was executed and reports.
 */
export function isInBusiness(institution: Pick<Institution, 'leiStatus'> | undefined): boolean {
  return institution?.leiStatus === 'ISSUED' || institution?.leiStatus === 'LAPSED';
}

/** MiFID II Annex II and Article 30. */
export type ClientCategory = 'retail' | 'professional' | 'eligible-counterparty';

export interface InstitutionCompliance {
  readonly kyc: {
    readonly status: 'approved' | 'pending' | 'rejected' | 'expired';
    /** Day of the next review, `YYYY-MM-DD`: until its end the status counts. */
    readonly validUntil: string;
  };
  readonly amlRisk: 'low' | 'medium' | 'high' | 'prohibited';
  readonly sanctions: {
    readonly result: 'clear' | 'review' | 'match';
    /** RFC 3339: when it was last screened. */
    readonly screenedAt: string;
  };
  readonly category: ClientCategory;
  /** CFI categories (ISO 10962, first letter) that it was found suited for; what a category needs of it the policies say. */
  readonly suitableFor: readonly string[];
}

/** A part of an institution in another place, with or without an LEI of its own. */
export interface Branch {
  /** LEI of the institution, `/` and name. */
  readonly id: string;
  readonly institution: Lei;
  readonly name: string;
  readonly country: Country;
  /** ISO 17442 gives branches LEIs of their own. */
  readonly lei?: Lei;
}

/** A contract between institutions (a master agreement, a clearing agreement); accounts and mandates refer to it. */
export interface Contract {
  /** Letters, digits, `-`, `.`, `_`, `/`; at most 64. */
  readonly id: string;
  /** The party that keeps it here. */
  readonly institution: Lei;
  /** E.g. `ISDA-2002`, `GMRA`, `clearing`, `custody`. */
  readonly type: string;
  readonly parties: readonly { readonly lei: Lei; readonly role: string }[];
  /** `YYYY-MM-DD`; ends with the day `until`, which is left out where none was agreed. */
  readonly from: string;
  readonly until?: string;
  /** SHA-256 of the signed document, base64url. */
  readonly documentHash?: string;
}

/**
 * By which number a venue knows a person, an algorithm or a client (RTS 24; FIX PartyIDSource P). One code stands for
 * one holder at a venue, and a holder has one code there.
 */
export interface ShortCode {
  /** MIC of the venue, `/` and holder. */
  readonly id: string;
  readonly venue: Mic;
  /** Id of a principal of the institution, or the institution's own LEI. */
  readonly holder: string;
  readonly institution: Lei;
  /** 4 to 2^53 - 1: RTS 24 gives 0 to 3 meanings of their own. */
  readonly code: number;
}

/** How far a signatory binds their institution. */
export interface SigningAuthority {
  /** Kinds of mandates; every kind when left out. */
  readonly kinds?: readonly string[];
  /** Highest notional per day, in its currency; without limit when left out. */
  readonly upTo?: { readonly amount: string; readonly ccy: string };
  /** False: only together with a second signatory. */
  readonly alone: boolean;
}

/** A desk of an institution, and what it is entitled to. People, services and agents name it by its name. */
export interface Desk {
  /** LEI, `/` and name. */
  readonly id: string;
  readonly institution: Lei;
  readonly name: string;
  /** Name of the branch it belongs to. */
  readonly branch?: string;
  /** CFI categories (first letter), e.g. `D` for debt, `S` for swaps. */
  readonly products: readonly string[];
  /** Venues it may deal on (ISO 10383). */
  readonly venues: readonly string[];
  /** Jurisdictions (ISO 3166-1) that its intents may name. */
  readonly jurisdictions: readonly string[];
  /** When it is staffed, in its own time zone. */
  readonly hours: {
    /** IANA name. */
    readonly timeZone: string;
    /** `HH:MM`; opening is within, closing is not. */
    readonly opens: string;
    readonly closes: string;
    /** ISO 8601 weekdays, Monday is 1. */
    readonly days: readonly number[];
  };
}

/** A workstation or phone that an institution manages. */
export interface Device {
  /** `device:` and a name. */
  readonly id: string;
  readonly institution: Lei;
  /** The person it belongs to; anybody's of the institution when left out. */
  readonly holder?: PrincipalId;
  /** Whether it met the institution's rules when it was last looked at. */
  readonly posture: 'compliant' | 'failing';
  /** RFC 3339. */
  readonly postureAt: string;
}

/** A public key by which one principal, and no other, is recognised. */
export interface Credential {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly principal: PrincipalId;
  readonly use: 'approval';
  readonly jwk: Readonly<Record<string, string>>;
}

export interface Person {
  readonly kind: 'person';
  readonly id: PrincipalId;
  readonly institution: Lei;
  readonly desk?: string;
  /** E.g. `trader`, `supervisor`, `operator`, `auditor`. */
  readonly roles: readonly string[];
  readonly credentials: readonly Credential[];
  /** For those with the role `signatory`; binds alone and without limit when left out. */
  readonly signingAuthority?: SigningAuthority;
  /** False: known, and may do nothing. True when left out. */
  readonly active?: boolean;
}

/**
 * What ordinary relying parties may learn of a person who consents (OpenID Connect Core section 5.4). Personal data: apart from
 * {@link Person}, so that it reaches no policy, no record and no list.
 */
export interface PersonalClaims {
  readonly name?: string;
  readonly email?: string;
}

export interface Service {
  readonly kind: 'service';
  readonly id: PrincipalId;
  readonly institution: Lei;
  readonly desk?: string;
  readonly roles: readonly string[];
  /** For those with the role `signatory`: software signs nothing without an amount up to which it does. */
  readonly signingAuthority?: SigningAuthority;
}

/** FIX tag 3022 AlgoCertificateStatus. */
export type CertificationStatus = 'Draft' | 'Approved' | 'Submitted' | 'Registered';

/** An algorithm instance. It may trade only as the artefact that was certified. */
export interface Agent {
  readonly kind: 'agent';
  readonly id: PrincipalId;
  readonly institution: Lei;
  readonly desk?: string;
  readonly roles: readonly string[];
  readonly model: {
    readonly modelId: string;
    readonly version: string;
    /** SHA-256 of the deployed artefact, 64 hexadecimal digits. */
    readonly artifactSha256: string;
    readonly certificateId: string;
    readonly status: CertificationStatus;
    readonly certifiedBy: PrincipalId;
    readonly developedBy: PrincipalId;
  };
}

export type Principal = Person | Service | Agent;

export const grantTypes = [
  'client_credentials',
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:jwt-bearer',
  'urn:ietf:params:oauth:grant-type:token-exchange',
  'urn:openid:params:grant-type:ciba',
] as const;
export type GrantType = (typeof grantTypes)[number];

/** RFC 8705 section 2.1.2: the one name of a certificate by which a client is recognised. */
export interface CertificateName {
  readonly kind: 'subject_dn' | 'san_dns' | 'san_uri' | 'san_ip' | 'san_email';
  readonly value: string;
}

/** How a client shows who it is. There are no shared secrets. */
export type ClientAuthentication =
  | { readonly method: 'private_key_jwt' }
  /** The certificate chains up to a configured authority and holds this name. */
  | { readonly method: 'tls_client_auth'; readonly name: CertificateName }
  /** The certificate is one of those registered in the client's keys (`x5c`). */
  | { readonly method: 'self_signed_tls_client_auth' };

/** A public key of a client, with the time from which its age counts. */
export interface ClientKey {
  readonly jwk: Readonly<Record<string, string>>;
  /** RFC 7638. */
  readonly thumbprint: string;
  /** SHA-256 over the DER of the certificate in `x5c`, base64url, where there is one. */
  readonly certificateThumbprint?: string;
  /** Milliseconds since the epoch at which the directory first held this key for this client. */
  readonly registeredAt: number;
}

/** An OAuth client: software of exactly one principal. */
export interface Client {
  readonly id: ClientId;
  /** The institution that owns it. */
  readonly institution: Lei;
  /** The service or agent whose software this is. */
  readonly principal: PrincipalId;
  /** What people read on the consent page. */
  readonly name: string;
  /** Who drives it: nobody (`machine`), a person who signs in (`human`), or either (`hybrid`). */
  readonly kind: 'machine' | 'human' | 'hybrid';
  /**
   * `fapi2`: everything the FAPI 2.0 profile asks for. `oidc`: an ordinary relying party that signs people in;
   * no market scopes, PAR optional.
   */
  readonly profile: 'fapi2' | 'oidc';
  /** A `sandbox` client gets nothing from an installation that runs in production. */
  readonly environment: 'production' | 'sandbox';
  readonly authentication: ClientAuthentication;
  /** What its tokens are bound to. `none` for the profile `oidc` alone, whose tokens open nothing but userinfo. */
  readonly binding: 'dpop' | 'mtls' | 'none';
  readonly grantTypes: readonly GrantType[];
  readonly scopes: readonly string[];
  readonly audiences: readonly ResourceUri[];
  /** Authorization-detail types it may ask for; every type of the market when left out of the registration. */
  readonly detailTypes: readonly string[];
  /** Registered keys; empty when they are fetched. */
  readonly keys: readonly ClientKey[];
  /** Where its keys are fetched from instead; https, the origin is part of what was registered. */
  readonly jwksUri?: string;
  /** Exactly these, compared as text (RFC 9700 section 4.1.3). */
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris: readonly string[];
  readonly backchannelLogoutUri?: string;
  /** FAPI 2.0 Message Signing: pushed parameters must come as a signed request object. */
  readonly requireSignedRequest: boolean;
  /** FAPI 2.0 Message Signing: answers at the redirect URI only as JARM. */
  readonly requireSignedResponse: boolean;
  /**
   * Whether its refresh tokens work with one DPoP key alone. RFC 9449 section 5 asks that of public clients only; without it a
   * refresh may come with another key, which is recorded and signalled.
   */
  readonly dpopBoundRefreshTokens: boolean;
  /**
   * Whether its authorization requests carry a code challenge (RFC 7636). A client of the profile `oidc` can be registered to go
   * without: then each request carries a `nonce` instead (RFC 9700 section 2.1.1).
   */
  readonly requirePkce: boolean;
  /** By which its ID tokens and logout tokens are signed; RS256 for the profile `oidc` alone. */
  readonly idTokenAlgorithm: 'ES256' | 'PS256' | 'RS256';
  /** FAPI-CIBA: how it learns that the person has decided. */
  readonly backchannelDelivery?: { readonly mode: 'poll' } | { readonly mode: 'ping'; readonly endpoint: string };
  /** Days that a provisioning token of it lives; it may have none when left out. See docs/adr/0054. */
  readonly provisioningTokenDays?: number;
}

export interface Account {
  readonly id: AccountId;
  readonly institution: Lei;
  readonly type: 'House' | 'Client' | 'AggregateClient';
  readonly custodian?: Lei;
  /** Id of the contract under which it is kept. */
  readonly contract?: string;
}

export interface Venue {
  readonly mic: Mic;
  readonly operator: Lei;
  readonly country: Country;
  readonly expiryDate?: string;
  /** Orders carry short codes there: who has none mapped cannot submit. */
  readonly shortCodes?: 'required';
}

/** A protected interface: what may be an audience, and whose it is. */
export interface Resource {
  readonly uri: ResourceUri;
  readonly institution: Lei;
  readonly scopes: readonly string[];
  /** `opaque`: a reference that says nothing and resolves only by introspection in the region. Default `jwt`. */
  readonly tokenFormat: 'jwt' | 'opaque';
  /** Where its tokens are kept and resolved; the installation's own region when left out. */
  readonly region?: string;
  /**
   * The one service or agent of the institution that may exchange tokens for this interface and so become an actor (RFC 8693
   * section 4.4). Any client of the institution that is registered for exchanges when left out.
   */
  readonly mayAct?: PrincipalId;
}

/**
 * What reference data says of an instrument. Nobody who deals in it says so: an intent that says otherwise is refused
 * (docs/adr/0050).
 */
export interface Instrument {
  /** ISIN, UPI or DTI. */
  readonly id: string;
  readonly cfi: Cfi;
  /** In which its price is, and its notional. */
  readonly currency: Currency;
  /** MICs where it may be dealt. Empty: over the counter alone, under XOFF or XXXX. */
  readonly venues: readonly Mic[];
  /** Not a plain product (MiFID II Article 25(4)). */
  readonly complex: boolean;
  /** Categories of clients that it may be sold to (MiFID II Article 16(3)). */
  readonly targetMarket: readonly ClientCategory[];
  /** Quantity times price times this is the notional: the size of a contract. At least 1. */
  readonly priceMultiplier: DecimalString;
  /** Who says so. */
  readonly source: string;
  /** RFC 3339: since when it is known to be so. */
  readonly asOf: string;
}

/** What a unit of a currency is worth in the base currency. */
export interface Rate {
  /** Both currencies, `JPY/EUR`. */
  readonly id: string;
  readonly currency: Currency;
  readonly base: Currency;
  readonly rate: DecimalString;
  /** The highest rate since a second person last agreed to a lower one: what is more than a tenth below it takes one again. */
  readonly anchor: DecimalString;
  readonly source: string;
  /** RFC 3339: when it was fixed. */
  readonly asOf: string;
}

/** An immutable view of the whole graph at one version. Look-ups are synchronous and cost a map access. */
export interface DirectorySnapshot {
  readonly version: number;
  institution(lei: string): Institution | undefined;
  /** Who may act: a person who is not active is nobody here, nor in the look-ups by credential and subject. */
  principal(id: string): Principal | undefined;
  /** Active or not: for names in records and lists, never for a decision. */
  knownPrincipal(id: string): Principal | undefined;
  /** The active person whom an issuer knows under `subject`. */
  federatedPerson(issuer: string, subject: string): Person | undefined;
  /** Of an active person. */
  personalClaims(person: string): PersonalClaims | undefined;
  /** Of an active person. */
  credential(kid: string): Credential | undefined;
  client(id: string): Client | undefined;
  account(id: string): Account | undefined;
  venue(mic: string): Venue | undefined;
  /** By ISIN, UPI or DTI. */
  instrument(id: string): Instrument | undefined;
  /** By both currencies: `JPY/EUR`. */
  rate(id: string): Rate | undefined;
  resource(uri: string): Resource | undefined;
  /** By LEI, `/` and name. */
  desk(id: string): Desk | undefined;
  device(id: string): Device | undefined;
  /** By LEI, `/` and name. */
  branch(id: string): Branch | undefined;
  contract(id: string): Contract | undefined;
  /** The number by which a venue knows a principal or an institution. */
  shortCode(venue: string, holder: string): number | undefined;
  /**
   * The record that lists the approval credentials a person has now: what an approval rests on. Undefined for a
   * principal without credentials.
   */
  recordOf(principal: string): RecordId | undefined;
  /** All entities, for the policy engine's snapshot; principals without those that are not active. */
  institutions(): Iterable<Institution>;
  principals(): Iterable<Principal>;
  accounts(): Iterable<Account>;
  venues(): Iterable<Venue>;
  resources(): Iterable<Resource>;
  devices(): Iterable<Device>;
  clients(): Iterable<Client>;
  /** Whose key it is, by its RFC 7638 thumbprint: a client's, or for approvals; also of somebody who is not active. */
  keyHolder(thumbprint: string): PrincipalId | undefined;
}

export interface DirectoryChange {
  readonly change: 'add' | 'change' | 'remove';
  readonly kind:
    | 'institution'
    | 'branch'
    | 'contract'
    | 'short-code'
    | 'desk'
    | 'device'
    | 'person'
    | 'service'
    | 'agent'
    | 'client'
    | 'account'
    | 'venue'
    | 'instrument'
    | 'rate'
    | 'resource'
    /** The trust profile of an issuer, which the trust registry keeps; the id is the issuer. */
    | 'partner';
  readonly id: string;
  /** Names of the fields that differ, for `change`. */
  readonly fields?: readonly string[];
  /**
   * Those fields as they are and as they would be, where they were asked for: keys by their thumbprints, and of the
   * names by which identity providers know a person only how many there are.
   */
  readonly before?: { readonly [field: string]: Json };
  readonly after?: { readonly [field: string]: Json };
}

/** How far a large file has come. */
export type ApplyProgress = (step: {
  readonly step: 'read' | 'checked' | 'written';
  readonly done: number;
  readonly of: number;
}) => void;

export const directoryErrors = errorVocabulary({
  directory_file_invalid: 'invalid',
  id_duplicate: 'invalid',
  /** The id had another holder, or belongs to another institution: an id is never given again. */
  id_not_reusable: 'conflict',
  lei_malformed: 'invalid',
  lei_check_digits: 'invalid',
  mic_malformed: 'invalid',
  country_unknown: 'invalid',
  reference_unknown: 'invalid',
  credential_shared: 'conflict',
  federated_identity_shared: 'conflict',
  scope_unknown: 'invalid',
  scope_generic: 'invalid',
  scope_duties_combined: 'invalid',
  private_key_in_file: 'invalid',
  key_unusable: 'invalid',
  /** A client's principal must be a service or an agent of the client's institution. */
  client_principal_unsuitable: 'invalid',
  /** Two clients for one principal: a principal has one holder. */
  principal_shared: 'conflict',
  /** What the installation itself is made of (its operator, its own resources) is not changed by a file. */
  seed_protected: 'forbidden',
  directory_changed_meanwhile: 'conflict',
  self_certification: 'forbidden',
  /** No snapshot as new as asked for could be had in time. */
  directory_behind: 'unavailable',
  entity_not_found: 'not-found',
  /** A key, redirect URI, scope, grant or name that does not fit the client's kind and profile. */
  client_metadata_invalid: 'invalid',
  /** It takes two people (production clients, who governs): propose the change, have another approve it. */
  second_person_required: 'forbidden',
  change_not_found: 'not-found',
  change_self_approval: 'forbidden',
  /** Proposer and approver: one of them invited the other to enrol a key. */
  change_not_independent: 'forbidden',
  /** Software asked for what is for people. */
  person_needed: 'forbidden',
  /** What compliance finds of institutions is recorded by compliance, and by nobody else. */
  compliance_scope_required: 'forbidden',
  /** Reference data comes from the operator's reference data software, and rates from nobody else. */
  reference_scope_required: 'forbidden',
  /** Approved, rejected or expired already. */
  change_decided: 'conflict',
  /** One code for two holders at a venue, or two codes for one. */
  short_code_shared: 'conflict',
  /** Who is named is not in the directory, or not of the caller's institution. */
  principal_not_found: 'not-found',
  /** A sanctions screening is dated in the future. */
  sanctions_postdated: 'invalid',
  /** Reference data is dated in the future. */
  reference_postdated: 'invalid',
});

/** A change that waits for, or has had, its second person. */
export interface DirectoryChangeRequest {
  readonly id: ChangeId;
  readonly status: 'proposed' | 'approved' | 'rejected' | 'expired';
  readonly proposedBy: string;
  readonly decidedBy?: string;
  /** RFC 3339. */
  readonly proposedAt: string;
  readonly expiresAt: string;
  readonly reason: string;
  /** What it would change, as planned when it was proposed. */
  readonly changes: readonly DirectoryChange[];
  /** SHA-256 of the canonical form of what was proposed: the approver names it, so that nothing else is approved. */
  readonly digest: Digest;
}

/** A change of single entities, beside the whole-truth files of {@link Directory.apply}. */
export interface DirectoryEdit {
  /** Entities in the shape they have in a directory file, each replacing the one of its id. */
  readonly put?: Readonly<
    Partial<Record<'clients' | 'people' | 'desks', readonly unknown[]>> & {
      /** By {@link Directory.recordFindings} alone. */
      readonly findings?: readonly ComplianceFinding[];
    } & Partial<ReferenceData>
  >;
  /** A principal goes with everything it held, as with {@link Directory.leave}. */
  readonly remove?: readonly {
    readonly kind: 'client' | 'person' | 'service' | 'agent' | 'desk';
    readonly id: string;
  }[];
}

/** What compliance has found of an institution. */
export interface ComplianceFinding {
  /** LEI. */
  readonly institution: string;
  /** In the shape that it has in a directory file; null: nothing is known any more. */
  readonly compliance: unknown;
}

/** Reference data in the shape that it has in a directory file. */
export interface ReferenceData {
  readonly instruments: readonly unknown[];
  readonly rates: readonly unknown[];
}

/** What an entity must still be when a change is made: who edits what they have read names it. */
export interface ExpectedEntity {
  readonly kind: 'client' | 'person' | 'desk';
  readonly id: string;
  /** Digest (`digestOf`) of its document as the directory holds it; null: there is none. */
  readonly digest: Digest | null;
}

/** What is wrong at one place of a file. */
export interface DirectoryProblem {
  /** A code of {@link directoryErrors}. */
  readonly code: string;
  /** JSON pointer (RFC 6901) into the file; with `stored:` before it for what is in the directory already. */
  readonly path: string;
  readonly detail: string;
}

/** An entity as the directory sends it to processes that hold a copy. */
export interface StreamedEntity {
  readonly kind: string;
  readonly id: string;
  /** As it is stored. */
  readonly document: Json;
  /** Of a person with credentials: the record that lists them. */
  readonly record?: RecordId;
}

/** A page of what has changed. */
export interface DirectoryPage {
  /** The directory's version when the page was read. Pages of different versions are joined by asking again since the lowest. */
  readonly version: number;
  /** Whether these pages are the whole directory: entities in none of them are gone. */
  readonly whole: boolean;
  readonly changed: readonly StreamedEntity[];
  readonly removed: readonly { readonly kind: string; readonly id: string }[];
  /** People of whom nothing has changed but the record that lists their credentials: a change of one renews it for their institution. */
  readonly records: readonly { readonly person: string; readonly record: RecordId }[];
  /** Since when clients of the page, and of the seed, have each of their keys: milliseconds since the epoch. */
  readonly keyTimes: readonly { readonly client: string; readonly thumbprint: string; readonly registeredAt: number }[];
  /** To go on with, as `after`, where there are more. */
  readonly next?: string;
}

/** The stored directory for processes that hold a copy; what is streamed counts once the audit log proves it. */
export interface DirectoryStream {
  /**
   * What has changed since a version, or the whole directory where the caller has none or is too far behind. Waits up to
   * `waitMs` (at most 10,000) for a version that is newer than `since`.
   *
   * @param request.since the version that the caller has
   * @param request.after `next` of the page before
   * @param request.limit entities of a page, at most 2,000; 1,000 when left out
   * @throws CodedError `authority_unproven`
   */
  changesSince(request: {
    readonly since?: number;
    readonly after?: string;
    readonly limit?: number;
    readonly waitMs?: number;
  }): Promise<DirectoryPage>;
}

export interface Directory extends DirectoryStream {
  /**
   * The newest snapshot this node has; never older than the last change made on this node.
   *
   * @throws CodedError `authority_unproven` while the log has a newer one that this node cannot read; `directory_behind` from a
   *   copy in another process that nobody has confirmed for some seconds
   */
  snapshot(): DirectorySnapshot;
  /**
   * A snapshot at `version` or newer; waits for it a bounded time.
   *
   * @throws CodedError `directory_behind`, `authority_unproven`
   */
  snapshotAtLeast(version: number): Promise<DirectorySnapshot>;
  /**
   * What {@link apply} would change.
   *
   * @throws CodedError of {@link directoryErrors}; its facts hold every `problems` ({@link DirectoryProblem}), at
   *   most 100, and their `problem_count`. Its code is the one that all of them share, else `directory_file_invalid`.
   */
  plan(
    file: unknown,
    options?: { readonly prune?: boolean; readonly values?: boolean; readonly onProgress?: ApplyProgress },
  ): Promise<readonly DirectoryChange[]>;
  /**
   * Makes the file the whole truth for every institution it names: adds, changes, and with `prune` removes.
   * All or nothing; recorded before it takes effect; applying the same file again changes nothing.
   *
   * @throws CodedError as {@link plan}; `second_person_required` when a production client is touched, or somebody is given
   *   the power to approve, sign or govern; `directory_changed_meanwhile` when the directory is no longer at
   *   `expectedVersion` and there is something to change
   */
  apply(
    file: unknown,
    by: Actor,
    options?: {
      readonly prune?: boolean;
      readonly expectedVersion?: number;
      readonly onProgress?: ApplyProgress;
    },
  ): Promise<{ readonly version: number; readonly changes: readonly DirectoryChange[] }>;
  /**
   * Changes single entities at once. Recorded before it takes effect; the same edit again changes nothing.
   *
   * @throws CodedError as {@link apply};
   *   `directory_changed_meanwhile` when an entity is no longer what was `expected`
   */
  edit(
    edit: DirectoryEdit,
    by: Actor,
    options?: {
      readonly expected?: readonly ExpectedEntity[];
      readonly expectedVersion?: number;
      /** For the records of those who depart by it. */
      readonly reason?: string;
      /** Governing roles that may be given by it without a second person, because the configuration says so. */
      readonly mayGive?: ReadonlySet<string>;
    },
  ): Promise<{ readonly version: number; readonly changes: readonly DirectoryChange[] }>;
  /**
   * Asks for a change that needs a second person. {@link apply} and {@link edit} refuse those.
   *
   * @param what a file as for `apply`, or an edit; the trust registry proposes trust profiles of partners in the same way
   */
  propose(
    what:
      | { readonly file: unknown; readonly prune?: boolean }
      | { readonly edit: DirectoryEdit }
      | { readonly partner: TrustProfileInput },
    by: Requester,
    reason: string,
  ): Promise<DirectoryChangeRequest>;
  /**
   * Applies a proposed change, once. What it changes is planned anew; if that is no longer what was proposed, it is
   * refused with `directory_changed_meanwhile`.
   *
   * @param by somebody else than the proposer, and through nobody through whom that did
   */
  approve(
    id: ChangeId,
    digest: Digest,
    by: Requester,
  ): Promise<{ readonly version: number; readonly changes: readonly DirectoryChange[] }>;
  /**
   * Records what compliance has found. What is as it was or worse counts at once, such as a new screening with the result of the
   * last one; what is better waits for a second person, as a proposed change.
   *
   * {@link apply}, {@link edit} and {@link propose} refuse to change findings, but in the file that fills an empty directory;
   * a file that leaves them out leaves them as they are.
   *
   * @throws CodedError of {@link directoryErrors}
   */
  recordFindings(
    findings: readonly ComplianceFinding[],
    by: Requester,
    reason: string,
  ): Promise<
    | { readonly version: number; readonly changes: readonly DirectoryChange[] }
    | { readonly proposed: DirectoryChangeRequest }
  >;
  /**
   * Records instruments and rates, each in the place of the one of its id. What lets more be done than before (a complex
   * instrument that becomes plain, another class, a wider target market, more venues, a rate a tenth below its anchor, the first rate of a currency) waits for a second
   * person, as a proposed change, and all of it together.
   *
   * @throws CodedError of {@link directoryErrors}
   */
  recordReferenceData(
    data: Partial<ReferenceData>,
    by: Requester,
    reason: string,
  ): Promise<
    | { readonly version: number; readonly changes: readonly DirectoryChange[] }
    | { readonly proposed: DirectoryChangeRequest }
  >;
  /** A client as a file would write it; undefined where there is none. */
  clientDocument(id: string): Promise<{ readonly [member: string]: Json } | undefined>;
  reject(id: ChangeId, by: Requester, reason: string): Promise<DirectoryChangeRequest>;
  changeRequests(filter?: {
    readonly status?: DirectoryChangeRequest['status'];
  }): Promise<readonly DirectoryChangeRequest[]>;
  /**
   * A principal leaves: it, its credentials and its clients are taken out in one recorded change, then everything it
   * held is ended, and tried again until it is. Leaving twice is leaving once. Whoever certified or developed an
   * algorithm that stays is kept as a name, inactive and with nothing.
   *
   * Whoever is removed, deactivated or moved in another way ({@link apply}, {@link edit}, {@link approve}) departs
   * all the same.
   *
   * @throws CodedError `principal_not_found`, `seed_protected`, `second_person_required` for the software of a
   *   production client: propose an edit that removes it
   */
  leave(principal: string, by: Actor, reason: string): Promise<Departure>;
  /**
   * A person moves to another desk or other roles: what they held before ends as if they had left, and they sign in
   * anew. What is left out of `to` stays; a desk of null is none.
   *
   * @throws CodedError `principal_not_found`, `seed_protected`; `directory_file_invalid` for who has never moved and is
   *   there already
   */
  move(
    principal: string,
    to: { readonly desk?: string | null; readonly roles?: readonly string[] },
    by: Actor,
    reason: string,
  ): Promise<Departure>;
  /** Newest first, at most 1,000. */
  departures(filter?: { readonly status?: Departure['status'] }): Promise<readonly Departure[]>;
}
