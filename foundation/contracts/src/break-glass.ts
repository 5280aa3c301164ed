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
 * All that emergency access can be for: to see, and to stop. Nothing here trades, moves assets, approves, changes who may
 * do what, touches evidence or reaches the emergency access itself.
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

/** How long emergency access lives. Its tokens live for five minutes at most, as all do, and are collected anew meanwhile. */
export const emergencySeconds = 900;

/**
 * `declared`: waits for the second holder; `granted`: access may be collected, or has been; `reviewed`: looked at by a
 * third; `overdue`: not in time, and both holders are locked out; `lapsed`: no second holder came.
 */
export const incidentStatuses = ['declared', 'granted', 'reviewed', 'overdue', 'lapsed'] as const;
export type IncidentStatus = (typeof incidentStatuses)[number];

/** A declared emergency, with the access that it gave. */
export interface Incident {
  readonly id: IncidentId;
  readonly status: IncidentStatus;
  readonly holder: PrincipalId;
  /** LEI. */
  readonly institution: string;
  readonly reason: string;
  /** Number of the incident in the firm's own system. */
  readonly reference: string;
  readonly resource: ResourceUri;
  readonly scopes: readonly EmergencyScope[];
  /** RFC 7638 thumbprint of the key that the access is bound to. */
  readonly jkt: Digest;
  /** RFC 3339, as the others. */
  readonly declaredAt: string;
  /** Until then a second holder must have come. */
  readonly secondBefore: string;
  readonly second?: PrincipalId;
  readonly grantedAt?: string;
  /** End of the access, whenever it is collected. */
  readonly endsAt?: string;
  readonly collected: boolean;
  readonly reviewDueAt?: string;
  readonly review?: {
    readonly by: PrincipalId;
    readonly at: string;
    readonly verdict: 'justified' | 'not-justified';
    readonly note: string;
  };
  /** Of its `incident.declared`. */
  readonly recordId: RecordId;
}

export const breakGlassErrors = errorVocabulary({
  incident_unknown: 'not-found',
  incident_malformed: 'invalid',
  /** Not one of the scopes of emergencies, or none that the interface has. */
  incident_scope: 'forbidden',
  /** Who is no holder, or of another institution. */
  incident_not_holder: 'forbidden',
  /** The second holder is somebody else than the first. */
  incident_same_person: 'forbidden',
  /** The second holder was let in by the first. */
  incident_not_independent: 'forbidden',
  /** An incident of one of the two has not been reviewed. */
  incident_unreviewed: 'conflict',
  incident_decided: 'conflict',
  incident_over: 'conflict',
  /** Access that still runs is not reviewed yet: end it first. */
  incident_running: 'conflict',
  /** The access was collected too often: ten times are more than a quarter of an hour asks for. */
  incident_collected: 'conflict',
  /** Who reviews is none of the two, and holds a role that reviews. */
  incident_not_reviewer: 'forbidden',
  incident_statement: 'forbidden',
});

/** The access token of an emergency, as its tool gets it. */
export interface EmergencyAccess {
  readonly accessToken: string;
  readonly scopes: readonly EmergencyScope[];
  /** RFC 3339. */
  readonly expiresAt: string;
}

/** What a person declares. */
export interface Declaration {
  /** 10 to 400 characters. */
  readonly reason: string;
  /** 1 to 100 characters. */
  readonly reference: string;
  readonly resource: ResourceUri;
  readonly scopes: readonly EmergencyScope[];
  readonly jkt: Digest;
}

/** Emergency access: two people, a reason, a quarter of an hour, narrow rights, an alarm, a review. */
export interface BreakGlass {
  /** What the first holder signs to declare. @throws CodedError of {@link breakGlassErrors} */
  askToDeclare(declaration: Declaration, holder: PrincipalId): Promise<AskedStatement>;
  /** Alarms at once. @throws CodedError of {@link breakGlassErrors} */
  declare(declaration: Declaration, statement: SignedStatement): Promise<Incident>;
  askToSecond(id: IncidentId, second: PrincipalId): Promise<AskedStatement>;
  second(id: IncidentId, statement: SignedStatement): Promise<Incident>;
  /**
   * The access, to who shows the declared key: a token, which ends the one before. It moves the end of nothing.
   *
   * @param jkt thumbprint of the key whose possession was proved for this request
   */
  collect(id: IncidentId, jkt: Thumbprint): Promise<EmergencyAccess>;
  /** Ends the access before its time; by one of the two holders. */
  end(id: IncidentId, by: PrincipalId): Promise<Incident>;
  askToReview(
    id: IncidentId,
    verdict: 'justified' | 'not-justified',
    note: string,
    reviewer: PrincipalId,
  ): Promise<AskedStatement>;
  /** Also one that is overdue: locks stay until they are lifted by an operator. */
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
   * An access token for one of our own interfaces, decided and recorded as every other, and bound to a key. Nothing renews
   * it; what is exchanged from it is narrower and ends with it. The record of it is durable before it is returned.
   *
   * @throws CodedError of `oauthErrors`: a scope that is none of emergencies, or that the interface does not have; a
   *   decision against it
   */
  issueEmergency(request: {
    readonly incident: IncidentId;
    readonly subject: PrincipalId;
    /** The software in whose name it is issued; of the directory. */
    readonly client: ClientId;
    readonly resource: ResourceUri;
    readonly scopes: readonly EmergencyScope[];
    readonly jkt: Thumbprint;
    /** Until the access ends; a token lives for five minutes at most all the same. */
    readonly lifetimeSeconds: number;
    readonly authentication: { readonly acr: string; readonly authTime: number };
    /** Records that it rests on. */
    readonly references: readonly RecordId[];
  }): Promise<{
    readonly accessToken: string;
    readonly tokenId: TokenId;
    readonly recordId: RecordId;
    /** RFC 3339. */
    readonly expiresAt: string;
  }>;
}
