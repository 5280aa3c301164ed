import { errorVocabulary, type RecordId } from '@countersign/kernel';
import type { Cfi, Country, Lei, Mic } from '@countersign/market';
import type { Actor } from './audit-log.ts';
import type { AccountId, ClientId, PrincipalId, ResourceUri } from './principals.ts';

export interface Institution {
  readonly lei: Lei;
  readonly name: string;
  readonly country: Country;
  /** GLEIF registration status; only `ISSUED` may act. */
  readonly leiStatus: 'ISSUED' | 'LAPSED' | 'RETIRED';
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
}

export interface Service {
  readonly kind: 'service';
  readonly id: PrincipalId;
  readonly institution: Lei;
  readonly desk?: string;
  readonly roles: readonly string[];
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

export type GrantType =
  | 'client_credentials'
  | 'urn:ietf:params:oauth:grant-type:jwt-bearer'
  | 'urn:ietf:params:oauth:grant-type:token-exchange';

/** An OAuth client: software of exactly one principal. */
export interface Client {
  readonly id: ClientId;
  readonly institution: Lei;
  /** The service or agent whose software this is. */
  readonly principal: PrincipalId;
  readonly grantTypes: readonly GrantType[];
  readonly scopes: readonly string[];
  readonly audiences: readonly ResourceUri[];
  /** Public keys for private_key_jwt, each with `kid`. */
  readonly jwks: readonly Readonly<Record<string, string>>[];
}

export interface Account {
  readonly id: AccountId;
  readonly institution: Lei;
  readonly type: 'House' | 'Client' | 'AggregateClient';
  readonly custodian?: Lei;
}

export interface Venue {
  readonly mic: Mic;
  readonly operator: Lei;
  readonly country: Country;
  readonly expiryDate?: string;
}

/** A protected interface: what may be an audience, and whose it is. */
export interface Resource {
  readonly uri: ResourceUri;
  readonly institution: Lei;
  readonly scopes: readonly string[];
}

export interface Instrument {
  readonly isin: string;
  readonly cfi: Cfi;
}

/** An immutable view of the whole graph at one version. Look-ups are synchronous and cost a map access. */
export interface DirectorySnapshot {
  readonly version: number;
  institution(lei: string): Institution | undefined;
  principal(id: string): Principal | undefined;
  /** The person whom an issuer knows under `subject`. */
  federatedPerson(issuer: string, subject: string): Person | undefined;
  credential(kid: string): Credential | undefined;
  client(id: string): Client | undefined;
  account(id: string): Account | undefined;
  venue(mic: string): Venue | undefined;
  resource(uri: string): Resource | undefined;
  /**
   * The record that lists the approval credentials a person has now: what an approval rests on. Undefined for a
   * principal without credentials.
   */
  recordOf(principal: string): RecordId | undefined;
  /** All entities, for the policy engine's snapshot. */
  institutions(): Iterable<Institution>;
  principals(): Iterable<Principal>;
  accounts(): Iterable<Account>;
  venues(): Iterable<Venue>;
}

export interface DirectoryChange {
  readonly change: 'add' | 'change' | 'remove';
  readonly kind: 'institution' | 'person' | 'service' | 'agent' | 'client' | 'account' | 'venue' | 'resource';
  readonly id: string;
  /** Names of the fields that differ, for `change`. */
  readonly fields?: readonly string[];
}

export const directoryErrors = errorVocabulary({
  directory_file_invalid: 'invalid',
  id_duplicate: 'invalid',
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
});

/** What is wrong at one place of a file. */
export interface DirectoryProblem {
  /** A code of {@link directoryErrors}. */
  readonly code: string;
  /** JSON pointer (RFC 6901) into the file; with `stored:` before it for what is in the directory already. */
  readonly path: string;
  readonly detail: string;
}

export interface Directory {
  /** The newest snapshot this node has; never older than the last change made on this node. */
  snapshot(): DirectorySnapshot;
  /**
   * A snapshot at `version` or newer; waits for it a bounded time.
   *
   * @throws CodedError `directory_behind`
   */
  snapshotAtLeast(version: number): Promise<DirectorySnapshot>;
  /**
   * What {@link apply} would change.
   *
   * @throws CodedError of {@link directoryErrors}; its facts hold every `problems` ({@link DirectoryProblem}), at
   *   most 100, and their `problem_count`. Its code is the one that all of them share, else `directory_file_invalid`.
   */
  plan(file: unknown, options?: { readonly prune?: boolean }): Promise<readonly DirectoryChange[]>;
  /**
   * Makes the file the whole truth for every institution it names: adds, changes, and with `prune` removes.
   * All or nothing; recorded before it takes effect; applying the same file again changes nothing.
   *
   * @throws CodedError as {@link plan}; `directory_changed_meanwhile` when the directory is no longer at
   *   `expectedVersion` and there is something to change
   */
  apply(
    file: unknown,
    by: Actor,
    options?: { readonly prune?: boolean; readonly expectedVersion?: number },
  ): Promise<{ readonly version: number; readonly changes: readonly DirectoryChange[] }>;
}
