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
  /** Compliance findings about the institution. Policies that need a missing finding deny. */
  readonly compliance?: InstitutionCompliance;
  /** Regions in which its data may be processed; any region when left out. */
  readonly dataRegions?: readonly string[];
}

/**
 * Whether its people and software may act at all. An institution with status RETIRED may not. With status LAPSED it may not start
 * anything new; the policies enforce this and still permit cancelling, revoking, settling executed trades and reporting.
 */
export function isInBusiness(institution: Pick<Institution, 'leiStatus'> | undefined): boolean {
  return institution?.leiStatus === 'ISSUED' || institution?.leiStatus === 'LAPSED';
}

/** MiFID II Annex II and Article 30. */
export type ClientCategory = 'retail' | 'professional' | 'eligible-counterparty';

export interface InstitutionCompliance {
  readonly kyc: {
    readonly status: 'approved' | 'pending' | 'rejected' | 'expired';
    /** Date of the next review, `YYYY-MM-DD`. The status is valid through that day. */
    readonly validUntil: string;
  };
  readonly amlRisk: 'low' | 'medium' | 'high' | 'prohibited';
  readonly sanctions: {
    readonly result: 'clear' | 'review' | 'match';
    /** RFC 3339: time of the last screening. */
    readonly screenedAt: string;
  };
  readonly category: ClientCategory;
  /**
   * CFI categories (ISO 10962, first letter) for which the institution was found suitable. The policies define what each category
   * requires.
   */
  readonly suitableFor: readonly string[];
}

/** A part of an institution at another location, with or without an LEI of its own. */
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
  /** The party that maintains this entry. */
  readonly institution: Lei;
  /** E.g. `ISDA-2002`, `GMRA`, `clearing`, `custody`. */
  readonly type: string;
  readonly parties: readonly { readonly lei: Lei; readonly role: string }[];
  /** `YYYY-MM-DD`; both days are included. `until` is left out when no end was agreed. */
  readonly from: string;
  readonly until?: string;
  /** SHA-256 of the signed document, base64url. */
  readonly documentHash?: string;
}

/**
 * The number by which a venue knows a person, an algorithm or a client (RTS 24; FIX PartyIDSource P). At each venue a code has
 * one holder and a holder has one code.
 */
export interface ShortCode {
  /** MIC of the venue, `/` and holder. */
  readonly id: string;
  readonly venue: Mic;
  /** Id of a principal of the institution, or the institution's own LEI. */
  readonly holder: string;
  readonly institution: Lei;
  /** 4 to 2^53 - 1; RTS 24 reserves 0 to 3. */
  readonly code: number;
}

/** How far a signatory can bind the institution. */
export interface SigningAuthority {
  /** Kinds of mandates; all kinds when left out. */
  readonly kinds?: readonly string[];
  /** Highest notional per day in the given currency; unlimited when left out. */
  readonly upTo?: { readonly amount: string; readonly ccy: string };
  /** False: binding only together with a second signatory. */
  readonly alone: boolean;
}

/** A desk of an institution with its entitlements. People, services and agents refer to it by name. */
export interface Desk {
  /** LEI, `/` and name. */
  readonly id: string;
  readonly institution: Lei;
  readonly name: string;
  /** Name of the branch it belongs to. */
  readonly branch?: string;
  /** CFI categories (first letter), e.g. `D` for debt, `S` for swaps. */
  readonly products: readonly string[];
  /** Venues on which the desk may deal (ISO 10383). */
  readonly venues: readonly string[];
  /** Jurisdictions (ISO 3166-1) that its intents may name. */
  readonly jurisdictions: readonly string[];
  /** Staffed hours, in the desk's own time zone. */
  readonly hours: {
    /** IANA name. */
    readonly timeZone: string;
    /** `HH:MM`; the opening time is included, the closing time is not. */
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
  /** The device's holder. When left out, any person of the institution may use it. */
  readonly holder?: PrincipalId;
  /** Whether the device complied with the institution's rules at the last check. */
  readonly posture: 'compliant' | 'failing';
  /** RFC 3339. */
  readonly postureAt: string;
}

/** A public key that identifies exactly one principal. */
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
  /** For signatories; when left out, they bind alone and without limit. */
  readonly signingAuthority?: SigningAuthority;
  /** False: in the directory, but without any authority. True when left out. */
  readonly active?: boolean;
}

/**
 * Claims for ordinary relying parties, with the person's consent (OpenID Connect Core section 5.4). Personal data: stored apart
 * from {@link Person}, so that policies, records and lists never contain it.
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
  /** For services that are signatories. Software needs an amount limit to sign. */
  readonly signingAuthority?: SigningAuthority;
}

/** FIX tag 3022 AlgoCertificateStatus. */
export type CertificationStatus = 'Draft' | 'Approved' | 'Submitted' | 'Registered';

/** An algorithm instance. It may trade only as the certified artefact. */
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
    /** SHA-256 of the certified configuration, 64 hexadecimal digits. With it, the agent acts only as an attested workload. */
    readonly configurationSha256?: string;
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

/** RFC 8705 section 2.1.2: the one certificate name that identifies a client. */
export interface CertificateName {
  readonly kind: 'subject_dn' | 'san_dns' | 'san_uri' | 'san_ip' | 'san_email';
  readonly value: string;
}

/** How a client authenticates. There are no shared secrets. */
export type ClientAuthentication =
  | { readonly method: 'private_key_jwt' }
  /** The certificate chains up to a configured authority and contains this name. */
  | { readonly method: 'tls_client_auth'; readonly name: CertificateName }
  /** The certificate is registered in the client's keys (`x5c`). */
  | { readonly method: 'self_signed_tls_client_auth' };

/** A public key of a client, with the start of its age. */
export interface ClientKey {
  readonly jwk: Readonly<Record<string, string>>;
  /** RFC 7638. */
  readonly thumbprint: string;
  /** SHA-256 over the DER of the certificate in `x5c`, base64url, if there is one. */
  readonly certificateThumbprint?: string;
  /** Milliseconds since the epoch: when the directory first contained this key for this client. */
  readonly registeredAt: number;
}

/** An OAuth client: software of exactly one principal. */
export interface Client {
  readonly id: ClientId;
  readonly institution: Lei;
  /** The service or agent whose software this is. */
  readonly principal: PrincipalId;
  /** Name shown to people on the consent page. */
  readonly name: string;
  /** Who uses it: no person (`machine`), a person who signs in (`human`), or both (`hybrid`). */
  readonly kind: 'machine' | 'human' | 'hybrid';
  /**
   * `fapi2`: all requirements of the FAPI 2.0 profile. `oidc`: an ordinary relying party that signs people in, without market
   * scopes and with optional PAR.
   */
  readonly profile: 'fapi2' | 'oidc';
  /** A production installation issues nothing to `sandbox` clients. */
  readonly environment: 'production' | 'sandbox';
  readonly authentication: ClientAuthentication;
  /** What its tokens are bound to. `none` is only for the profile `oidc`, whose tokens are valid only for userinfo. */
  readonly binding: 'dpop' | 'mtls' | 'none';
  readonly grantTypes: readonly GrantType[];
  readonly scopes: readonly string[];
  readonly audiences: readonly ResourceUri[];
  /** Authorization-detail types that it may request; all market types when the registration leaves them out. */
  readonly detailTypes: readonly string[];
  /** Registered keys; empty when they are fetched from {@link jwksUri}. */
  readonly keys: readonly ClientKey[];
  /** Https URL from which its keys are fetched instead; its origin is part of the registration. */
  readonly jwksUri?: string;
  /** Redirect URIs, compared as exact text (RFC 9700 section 4.1.3). */
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris: readonly string[];
  readonly backchannelLogoutUri?: string;
  /** FAPI 2.0 Message Signing: pushed parameters must come as a signed request object. */
  readonly requireSignedRequest: boolean;
  /** FAPI 2.0 Message Signing: authorization responses are sent only as JARM. */
  readonly requireSignedResponse: boolean;
  /**
   * Whether its refresh tokens are bound to one DPoP key. RFC 9449 section 5 requires this only for public clients. Without it, a
   * refresh with another key is accepted, recorded and signalled.
   */
  readonly dpopBoundRefreshTokens: boolean;
  /**
   * Whether its authorization requests must contain a code challenge (RFC 7636). A client of the profile `oidc` can be registered
   * without; each of its requests must then contain a `nonce` (RFC 9700 section 2.1.1).
   */
  readonly requirePkce: boolean;
  /** Algorithm of its ID tokens and logout tokens; RS256 only for the profile `oidc`. */
  readonly idTokenAlgorithm: 'ES256' | 'PS256' | 'RS256';
  /** FAPI-CIBA: how the client learns that the person has decided. */
  readonly backchannelDelivery?: { readonly mode: 'poll' } | { readonly mode: 'ping'; readonly endpoint: string };
  /** Lifetime of its provisioning tokens in days; when left out, it gets none. See docs/adr/0054. */
  readonly provisioningTokenDays?: number;
}

export interface Account {
  readonly id: AccountId;
  readonly institution: Lei;
  readonly type: 'House' | 'Client' | 'AggregateClient';
  readonly custodian?: Lei;
  /** Id of the contract that governs the account. */
  readonly contract?: string;
}

export interface Venue {
  readonly mic: Mic;
  readonly operator: Lei;
  readonly country: Country;
  readonly expiryDate?: string;
  /** Orders at this venue need short codes; without a mapped code they are refused. */
  readonly shortCodes?: 'required';
}

/** A protected interface: a possible token audience, with its owner. */
export interface Resource {
  readonly uri: ResourceUri;
  readonly institution: Lei;
  readonly scopes: readonly string[];
  /** `opaque`: a reference that contains nothing and is resolved only by introspection in its region. Default `jwt`. */
  readonly tokenFormat: 'jwt' | 'opaque';
  /** Region in which its tokens are stored and resolved; the installation's own region when left out. */
  readonly region?: string;
  /**
   * The one service or agent of the institution that may exchange tokens for this interface and so become an actor (RFC 8693
   * section 4.4). When left out, any client of the institution that is registered for token exchange may.
   */
  readonly mayAct?: PrincipalId;
}

/**
 * Reference data of an instrument. It never comes from a trading party; an intent that contradicts it is refused (docs/adr/0050).
 */
export interface Instrument {
  /** ISIN, UPI or DTI. */
  readonly id: string;
  readonly cfi: Cfi;
  /** Currency of its price and notional. */
  readonly currency: Currency;
  /** MICs of the venues where it may be traded. Empty: only over the counter, under XOFF or XXXX. */
  readonly venues: readonly Mic[];
  /** A complex product (MiFID II Article 25(4)). */
  readonly complex: boolean;
  /** Client categories to which it may be sold (MiFID II Article 16(3)). */
  readonly targetMarket: readonly ClientCategory[];
  /** Contract size: quantity times price times this is the notional. At least 1. */
  readonly priceMultiplier: DecimalString;
  readonly source: string;
  /** RFC 3339: date of the data. */
  readonly asOf: string;
}

/** The value of one unit of a currency in the base currency. */
export interface Rate {
  /** Both currencies, e.g. `JPY/EUR`. */
  readonly id: string;
  readonly currency: Currency;
  readonly base: Currency;
  readonly rate: DecimalString;
  /** The highest rate since a second person last approved a lower one. A rate more than a tenth below it needs approval again. */
  readonly anchor: DecimalString;
  readonly source: string;
  /** RFC 3339: time of the fixing. */
  readonly asOf: string;
}

/** An immutable view of the whole graph at one version. Look-ups are synchronous and cost a map access. */
export interface DirectorySnapshot {
  readonly version: number;
  institution(lei: string): Institution | undefined;
  /** Active principals only, as in the look-ups by credential and subject. */
  principal(id: string): Principal | undefined;
  /** Also inactive principals. For names in records and lists, never for a decision. */
  knownPrincipal(id: string): Principal | undefined;
  federatedPerson(issuer: string, subject: string): Person | undefined;
  /** Only for active people. */
  personalClaims(person: string): PersonalClaims | undefined;
  /** Only for active people. */
  credential(kid: string): Credential | undefined;
  client(id: string): Client | undefined;
  account(id: string): Account | undefined;
  venue(mic: string): Venue | undefined;
  /** By ISIN, UPI or DTI. */
  instrument(id: string): Instrument | undefined;
  /** By both currencies, e.g. `JPY/EUR`. */
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
   * The record that lists a person's present approval credentials; approvals refer to it. Undefined for a principal without
   * credentials.
   */
  recordOf(principal: string): RecordId | undefined;
  /** All entities, for the policy engine's snapshot; only active principals. */
  institutions(): Iterable<Institution>;
  principals(): Iterable<Principal>;
  accounts(): Iterable<Account>;
  venues(): Iterable<Venue>;
  resources(): Iterable<Resource>;
  devices(): Iterable<Device>;
  clients(): Iterable<Client>;
  /** Holder of a key by its RFC 7638 thumbprint: a client key or an approval key, also of an inactive person. */
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
    /** An issuer's trust profile, kept by the trust registry; the id is the issuer. */
    | 'partner';
  readonly id: string;
  /** Names of the fields that differ, for `change`. */
  readonly fields?: readonly string[];
  /**
   * Values of those fields before and after, if requested. Keys appear as thumbprints; of a person's names at identity providers,
   * only their number.
   */
  readonly before?: { readonly [field: string]: Json };
  readonly after?: { readonly [field: string]: Json };
}

export type ApplyProgress = (step: {
  readonly step: 'read' | 'checked' | 'written';
  readonly done: number;
  readonly of: number;
}) => void;

export const directoryErrors = errorVocabulary({
  directory_file_invalid: 'invalid',
  id_duplicate: 'invalid',
  /** The id had another holder or belongs to another institution; ids are never reused. */
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
  /** Two clients of one principal; a principal has one client. */
  principal_shared: 'conflict',
  /** A file cannot change the installation's own entities: its operator and its own resources. */
  seed_protected: 'forbidden',
  directory_changed_meanwhile: 'conflict',
  self_certification: 'forbidden',
  /** No snapshot of the requested version was available in time. */
  directory_behind: 'unavailable',
  entity_not_found: 'not-found',
  /** A key, redirect URI, scope, grant or name does not fit the client's kind and profile. */
  client_metadata_invalid: 'invalid',
  /** The change needs two people (production clients, governing roles): one proposes, another approves. */
  second_person_required: 'forbidden',
  change_not_found: 'not-found',
  change_self_approval: 'forbidden',
  /** Proposer and approver are not independent: one invited the other to enrol a key. */
  change_not_independent: 'forbidden',
  /** The caller is software, and only people may do this. */
  person_needed: 'forbidden',
  /** Only compliance records findings about institutions. */
  compliance_scope_required: 'forbidden',
  /** Only the operator's reference data software records reference data and rates. */
  reference_scope_required: 'forbidden',
  /** Already approved, rejected or expired. */
  change_decided: 'conflict',
  /** One code for two holders at a venue, or two codes for one holder. */
  short_code_shared: 'conflict',
  /** The named principal is not in the directory, or not of the caller's institution. */
  principal_not_found: 'not-found',
  /** A sanctions screening is dated in the future. */
  sanctions_postdated: 'invalid',
  /** Reference data is dated in the future. */
  reference_postdated: 'invalid',
});

/** A change that needs a second person, decided or not. */
export interface DirectoryChangeRequest {
  readonly id: ChangeId;
  readonly status: 'proposed' | 'approved' | 'rejected' | 'expired';
  readonly proposedBy: string;
  readonly decidedBy?: string;
  /** RFC 3339. */
  readonly proposedAt: string;
  readonly expiresAt: string;
  readonly reason: string;
  /** The planned changes at the time of the proposal. */
  readonly changes: readonly DirectoryChange[];
  /** SHA-256 of the canonical form of the proposal. The approver names it, so that the approval covers nothing else. */
  readonly digest: Digest;
}

/** A change of single entities, as opposed to the complete files of {@link Directory.apply}. */
export interface DirectoryEdit {
  /** Entities in the form of a directory file; each replaces the entity with its id. */
  readonly put?: Readonly<
    Partial<Record<'clients' | 'people' | 'desks', readonly unknown[]>> & {
      /** Only for {@link Directory.recordFindings}. */
      readonly findings?: readonly ComplianceFinding[];
    } & Partial<ReferenceData>
  >;
  /** Removing a principal ends everything it held, as with {@link Directory.leave}. */
  readonly remove?: readonly {
    readonly kind: 'client' | 'person' | 'service' | 'agent' | 'desk';
    readonly id: string;
  }[];
}

export interface ComplianceFinding {
  /** LEI. */
  readonly institution: string;
  /** In the form of a directory file; null removes the finding. */
  readonly compliance: unknown;
}

/** Reference data in the form of a directory file. */
export interface ReferenceData {
  readonly instruments: readonly unknown[];
  readonly rates: readonly unknown[];
}

/** The state of an entity that an edit is based on (optimistic locking). */
export interface ExpectedEntity {
  readonly kind: 'client' | 'person' | 'desk';
  readonly id: string;
  /** Digest (`digestOf`) of its document in the directory; null if the entity must not exist. */
  readonly digest: Digest | null;
}

/** A problem at one place of a file. */
export interface DirectoryProblem {
  /** A code of {@link directoryErrors}. */
  readonly code: string;
  /** JSON pointer (RFC 6901) into the file; prefixed with `stored:` for an entity that is already in the directory. */
  readonly path: string;
  readonly detail: string;
}

/** An entity as streamed to processes that hold a copy. */
export interface StreamedEntity {
  readonly kind: string;
  readonly id: string;
  readonly document: Json;
  /** For a person with credentials: the record that lists them. */
  readonly record?: RecordId;
}

export interface DirectoryPage {
  /**
   * The directory's version when the page was read. A reader of pages with different versions must ask again since the lowest
   * one.
   */
  readonly version: number;
  /** Whether the pages are the whole directory: entities that none of them contains no longer exist. */
  readonly whole: boolean;
  readonly changed: readonly StreamedEntity[];
  readonly removed: readonly { readonly kind: string; readonly id: string }[];
  /**
   * People of whom only the record that lists their credentials changed: any such change renews it for their whole institution.
   */
  readonly records: readonly { readonly person: string; readonly record: RecordId }[];
  /** Registration times of the keys of clients on this page and in the seed, in milliseconds since the epoch. */
  readonly keyTimes: readonly { readonly client: string; readonly thumbprint: string; readonly registeredAt: number }[];
  /** Pass it as `after` for the next page; absent on the last one. */
  readonly next?: string;
}

/** The stored directory for processes that hold a copy. They use streamed data only after the audit log confirms it. */
export interface DirectoryStream {
  /**
   * Changes since a version, or the whole directory when the caller has no version or is too far behind. Waits up to `waitMs` (at
   * most 10,000) for a version newer than `since`.
   *
   * @param request.since the caller's version
   * @param request.after `next` of the previous page
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
   * The newest snapshot of this node; it includes every change made on this node.
   *
   * @throws CodedError `authority_unproven` while the log has a newer version that this node cannot read; `directory_behind` from
   * a copy in another process that has not been confirmed for some seconds
   */
  snapshot(): DirectorySnapshot;
  /**
   * A snapshot of `version` or newer; waits for a bounded time.
   *
   * @throws CodedError `directory_behind`, `authority_unproven`
   */
  snapshotAtLeast(version: number): Promise<DirectorySnapshot>;
  /**
   * Computes what {@link apply} would change.
   *
   * @throws CodedError of {@link directoryErrors}; its facts contain `problems` ({@link DirectoryProblem}), at most 100, and the
   * total `problem_count`. Its code is the common code of all problems, otherwise `directory_file_invalid`.
   */
  plan(
    file: unknown,
    options?: { readonly prune?: boolean; readonly values?: boolean; readonly onProgress?: ApplyProgress },
  ): Promise<readonly DirectoryChange[]>;
  /**
   * Makes the file authoritative for every institution it names: adds, changes, and with `prune` removes entities. All or
   * nothing; recorded before it takes effect; idempotent.
   *
   * @throws CodedError as {@link plan}; `second_person_required` when the file changes a production client or gives somebody the
   * power to approve, sign or govern; `directory_changed_meanwhile` when there is something to change and the directory is no
   * longer at `expectedVersion`
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
   * Changes single entities at once. Recorded before it takes effect; idempotent.
   *
   * @throws CodedError as {@link apply}; `directory_changed_meanwhile` when an entity differs from `expected`
   */
  edit(
    edit: DirectoryEdit,
    by: Actor,
    options?: {
      readonly expected?: readonly ExpectedEntity[];
      readonly expectedVersion?: number;
      /** Reason for the records of principals that depart by this edit. */
      readonly reason?: string;
      /** Governing roles that the edit may give without a second person, according to the configuration. */
      readonly mayGive?: ReadonlySet<string>;
    },
  ): Promise<{ readonly version: number; readonly changes: readonly DirectoryChange[] }>;
  /**
   * Proposes a change that needs a second person; {@link apply} and {@link edit} refuse such changes.
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
   * Applies a proposed change, once. Plans it again and refuses with `directory_changed_meanwhile` if the result differs from the
   * proposal.
   *
   * @param by another person than the proposer, with no common principal in their acting chains
   */
  approve(
    id: ChangeId,
    digest: Digest,
    by: Requester,
  ): Promise<{ readonly version: number; readonly changes: readonly DirectoryChange[] }>;
  /**
   * Records compliance findings. An unchanged or worse finding takes effect at once, such as a new screening with the same
   * result. A better finding becomes a proposed change and waits for a second person.
   * {@link apply}, {@link edit} and {@link propose} refuse to change findings, except in the file that fills an empty directory.
   * A file without findings leaves them unchanged.
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
   * Records instruments and rates; each replaces the entry with its id. If any entry permits more than before, all of them become
   * one proposed change and wait for a second person. That is the case for a complex instrument that becomes plain, another
   * class, a wider target market, more venues, a rate a tenth below its anchor, and the first rate of a currency.
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
  /** A client in the form of a directory file; undefined for an unknown client. */
  clientDocument(id: string): Promise<{ readonly [member: string]: Json } | undefined>;
  reject(id: ChangeId, by: Requester, reason: string): Promise<DirectoryChangeRequest>;
  changeRequests(filter?: {
    readonly status?: DirectoryChangeRequest['status'];
  }): Promise<readonly DirectoryChangeRequest[]>;
  /**
   * Carries out a principal's departure. One recorded change removes the principal, its credentials and its clients; then
   * everything it held is ended, with retries until that succeeds. Idempotent. A person who certified or developed a remaining
   * algorithm stays as an inactive name without any authority.
   * Removing, deactivating or moving a principal through {@link apply}, {@link edit} or {@link approve} is also a departure.
   *
   * @throws CodedError `principal_not_found`, `seed_protected`, `second_person_required` for the software of a production client:
   * propose an edit that removes it
   */
  leave(principal: string, by: Actor, reason: string): Promise<Departure>;
  /**
   * Moves a person to another desk or other roles. Everything they held ends as in a departure, and they must sign in again.
   * Members that `to` leaves out stay as they are; a desk of null means no desk.
   *
   * @throws CodedError `principal_not_found`, `seed_protected`; `directory_file_invalid` for a person who already has this desk
   * and these roles without ever having moved
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
