import { type Digest, errorVocabulary, type IncidentId, type RecordId, type TokenId } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import type { Thumbprint } from '@countersign/oauth';
import type { AskedStatement, SignedStatement } from './authenticators.ts';
import type { ClientId, PrincipalId, ResourceUri } from './principals.ts';

/** Types of the statements that people sign about an incident. */
export const breakGlassStatementTypes = {
  declare: 'countersign-break-glass+webauthn',
  second: 'countersign-break-glass-second+webauthn',
  review: 'countersign-break-glass-review+webauthn',
} as const;

/**
 * Emergency access can only read and stop. No scope here trades, moves assets, approves, changes authority, or touches evidence
 * or emergency access itself.
 */
export const emergencyScopes = [
  'order:read',
  'order:cancel',
  'trade:read',
  'settlement:read',
  'directory:read',
  'mandate:read',
  'mandate:revoke',
  'token:revoke',
  'session:read',
  'session:end',
  'account:lock',
] as const satisfies readonly Scope[];
export type EmergencyScope = (typeof emergencyScopes)[number];

/** Duration of emergency access in seconds. Its tokens last at most five minutes and are collected again. */
export const emergencySeconds = 900;

/**
 * `declared`: waits for the second holder; `granted`: access can be collected; `reviewed`: a third person has reviewed it;
 * `overdue`: the review is late and both holders are locked; `lapsed`: no second holder confirmed in time.
 */
export const incidentStatuses = ['declared', 'granted', 'reviewed', 'overdue', 'lapsed'] as const;
export type IncidentStatus = (typeof incidentStatuses)[number];

export interface Incident {
  readonly id: IncidentId;
  readonly status: IncidentStatus;
  readonly holder: PrincipalId;
  /** LEI. */
  readonly institution: string;
  readonly reason: string;
  /** Incident number in the firm's own system. */
  readonly reference: string;
  readonly resource: ResourceUri;
  readonly scopes: readonly EmergencyScope[];
  /** RFC 7638 thumbprint of the key that the access is bound to. */
  readonly jkt: Digest;
  /** RFC 3339, as the others. */
  readonly declaredAt: string;
  /** Deadline for the second holder. */
  readonly secondBefore: string;
  readonly second?: PrincipalId;
  readonly grantedAt?: string;
  /** End of the access, whenever its token is collected. */
  readonly endsAt?: string;
  readonly collected: boolean;
  readonly reviewDueAt?: string;
  readonly review?: {
    readonly by: PrincipalId;
    readonly at: string;
    readonly verdict: 'justified' | 'not-justified';
    readonly note: string;
  };
  /** Its `incident.declared` record. */
  readonly recordId: RecordId;
}

export const breakGlassErrors = errorVocabulary({
  incident_unknown: 'not-found',
  incident_malformed: 'invalid',
  /** Not an emergency scope, or not a scope of this interface. */
  incident_scope: 'forbidden',
  /** Not a holder, or of another institution. */
  incident_not_holder: 'forbidden',
  incident_same_person: 'forbidden',
  /** The second holder was invited by the first. */
  incident_not_independent: 'forbidden',
  /** One of the two has an incident without review. */
  incident_unreviewed: 'conflict',
  incident_decided: 'conflict',
  incident_over: 'conflict',
  /** End the access before its review. */
  incident_running: 'conflict',
  /** The access was collected more than ten times. */
  incident_collected: 'conflict',
  /** The reviewer must be a third person with a reviewing role. */
  incident_not_reviewer: 'forbidden',
  incident_statement: 'forbidden',
});

export interface EmergencyAccess {
  readonly accessToken: string;
  readonly scopes: readonly EmergencyScope[];
  /** RFC 3339. */
  readonly expiresAt: string;
}

export interface Declaration {
  /** 10 to 400 characters. */
  readonly reason: string;
  /** 1 to 100 characters. */
  readonly reference: string;
  readonly resource: ResourceUri;
  readonly scopes: readonly EmergencyScope[];
  readonly jkt: Digest;
}

/** Emergency access: two people, a reason, 15 minutes, narrow scopes, an alarm and a review. */
export interface BreakGlass {
  /** The statement that the first holder signs. @throws CodedError of {@link breakGlassErrors} */
  askToDeclare(declaration: Declaration, holder: PrincipalId): Promise<AskedStatement>;
  /** Notifies at once. @throws CodedError of {@link breakGlassErrors} */
  declare(declaration: Declaration, statement: SignedStatement): Promise<Incident>;
  askToSecond(id: IncidentId, second: PrincipalId): Promise<AskedStatement>;
  second(id: IncidentId, statement: SignedStatement): Promise<Incident>;
  /**
   * Issues the access token to the holder of the declared key and ends the previous token. The end of the access stays the same.
   *
   * @param jkt thumbprint of the key whose possession was proved for this request
   */
  collect(id: IncidentId, jkt: Thumbprint): Promise<EmergencyAccess>;
  /** Ends the access early; for either holder. */
  end(id: IncidentId, by: PrincipalId): Promise<Incident>;
  askToReview(
    id: IncidentId,
    verdict: 'justified' | 'not-justified',
    note: string,
    reviewer: PrincipalId,
  ): Promise<AskedStatement>;
  /** Also possible when overdue; locks stay until an operator lifts them. */
  review(
    id: IncidentId,
    verdict: 'justified' | 'not-justified',
    note: string,
    statement: SignedStatement,
  ): Promise<Incident>;
  find(id: IncidentId): Promise<Incident | undefined>;
  /** Newest first, at most 100. */
  list(filter: { readonly institution?: string; readonly status?: IncidentStatus }): Promise<readonly Incident[]>;
}

/** Issues the access tokens of emergencies; offered by the authorization server. */
export interface EmergencyTokens {
  /**
   * A key-bound access token for one of our own interfaces, decided and recorded like any other. It cannot be renewed; tokens
   * exchanged from it are narrower and end with it. Its record is durable before it is returned.
   *
   * @throws CodedError of `oauthErrors` for a scope that is not an emergency scope or not one of the interface, or for a
   *   denied decision
   */
  issueEmergency(request: {
    readonly incident: IncidentId;
    readonly subject: PrincipalId;
    /** The client in whose name it is issued. */
    readonly client: ClientId;
    readonly resource: ResourceUri;
    readonly scopes: readonly EmergencyScope[];
    readonly jkt: Thumbprint;
    /** Time until the access ends; the token itself lasts at most five minutes. */
    readonly lifetimeSeconds: number;
    readonly authentication: { readonly acr: string; readonly authTime: number };
    /** Records that the token depends on. */
    readonly references: readonly RecordId[];
  }): Promise<{
    readonly accessToken: string;
    readonly tokenId: TokenId;
    readonly recordId: RecordId;
    /** RFC 3339. */
    readonly expiresAt: string;
  }>;
}
