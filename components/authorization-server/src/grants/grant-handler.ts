import type { Client, DirectorySnapshot, GrantType, RecordDraft, SingleUseClaim } from '@countersign/contracts';
import type { Digest, IntentDigest, Json, RecordId, TokenId, TransactionId } from '@countersign/kernel';
import type { AuthorizationDetail, Lei, Scope } from '@countersign/market';
import type { Established } from '../established.ts';

/**
 * One way to obtain a token. A grant says whose authority is asked for and what bounds it; everything that every
 * grant must do (client authentication, proof, replay claims, scopes, mandate, policy, record) is the endpoint's,
 * so that a new grant cannot forget it.
 */
export interface GrantHandler {
  readonly grantType: GrantType;
  /** Takes its parameters from the form. @throws CodedError of `oauthErrors` when one is missing or not supported */
  parse(parameters: ReadonlyMap<string, string>): GrantRequest;
}

export interface GrantRequest {
  /** Establishes the authority, after the client has been authenticated. @throws CodedError */
  resolve(by: GrantContext): Promise<Authority>;
}

interface GrantContext {
  readonly client: Client;
  readonly directory: DirectorySnapshot;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Puts into the record what is established before the grant is through: a refusal then says whom it was about. */
  note(facts: Established): void;
}

/** Whose authority a token carries, who acts with it, and what it may not go beyond. */
export interface Authority {
  /** Principal id. */
  readonly subject: string;
  /** The institution the subject acts for. */
  readonly institution: Lei;
  /** Principal ids, current actor first; empty when the subject acts itself. */
  readonly actors: readonly string[];
  readonly ceiling: Ceiling;
  /** How the subject was recognised, as it goes into the record, and `acr` and `authTime` into the token. */
  readonly authentication: NonNullable<RecordDraft['authentication']>;
  /** What this grant uses up. */
  readonly singleUse: readonly SingleUseClaim[];
  /** Records that the authority rests on. */
  readonly references: readonly RecordId[];
  /** Further facts for the record. */
  readonly provenance?: Json;
  /** The token that is exchanged. */
  readonly continues?: Continuation;
}

/** Bounds beside those of client, target, mandate and policy. */
export interface Ceiling {
  readonly scope?: ReadonlySet<Scope>;
  readonly details?: readonly AuthorizationDetail[];
  /** The audience it has already, and so may not be given again. */
  readonly audience?: string;
  /** Seconds since the epoch. */
  readonly expiresAt?: number;
}

/** What an exchanged token keeps of the one before. */
export interface Continuation {
  readonly tokenId: TokenId;
  readonly evidence: RecordId;
  readonly claimsDigest: Digest;
  readonly transaction?: { readonly id: TransactionId; readonly intentDigest: IntentDigest };
  readonly mandateVersion?: number;
}
