import type { DecisionId, Digest, Json, RecordId, TransactionId } from '@countersign/kernel';

/** A condition that must be fulfilled before the request can be permitted. */
export type Obligation =
  | {
      readonly kind: 'approval';
      /** Role that the approver must hold, at the initiator's institution. */
      readonly role: string;
      /** How many more approvals are needed, by different people. */
      readonly count: number;
      /** Roles to escalate to when no approver responds, in order; empty when the policy names none. */
      readonly escalation: readonly { readonly role: string; readonly afterSeconds: number }[];
    }
  | {
      readonly kind: 'step-up';
      /** Authentication context class that the person must reach. */
      readonly acr: string;
      /** Maximum age of the sign-in, if the policy sets one. */
      readonly maxAgeSeconds?: number;
    };

/** The reason of a denial for the requester: a code, and an explanation they can act on. */
export interface DecisionReason {
  readonly code: string;
  readonly detail: string;
}

export interface Decision {
  readonly id: DecisionId;
  readonly decision: boolean;
  readonly policyVersion: number;
  readonly policyHash: Digest;
  /** Ids of the determining policies, sorted. Empty for a default deny. */
  readonly determining: readonly string[];
  /** Policies that failed to evaluate; a failing forbid denies. */
  readonly errors: readonly { readonly policyId: string; readonly message: string }[];
  /** Reasons of the denial; empty when permitted. */
  readonly reasons: readonly DecisionReason[];
  /**
   * The smallest set of obligations that together would turn the answer into a permit; the engine has evaluated that they do.
   * Empty when permitted, and when no obligation would help.
   */
  readonly obligations: readonly Obligation[];
  /** The longest token lifetime that the determining policies allow, if one of them sets it. */
  readonly tokenLifetimeSeconds?: number;
  /** A permitting policy requires a time stamp of the step (`@time_stamp`). It does not change the answer. */
  readonly timeStamp?: true;
  /** Version of the directory snapshot that was read. */
  readonly entityVersion: number;
  /** Digest of {@link inputText}. */
  readonly inputDigest: Digest;
  /** All inputs of the decision as canonical JSON (RFC 8785); directory data is referenced by digest. */
  readonly inputText: string;
  /** Record of the publication of the policies used. */
  readonly policyRecord: RecordId;
}

/** The permitted token of the initiator for the intent of a transaction, by its record. */
export interface PermittedIntent {
  readonly record: RecordId;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Authentication class of the initiator's sign-in, if a person. */
  readonly acr?: string;
  /** Seconds since the epoch. */
  readonly authTime?: number;
  /** The managed device of that sign-in. */
  readonly device?: string;
  /** LEIs of the parties whose interfaces the token was issued or exchanged for; read only until the first step. */
  readonly reached: readonly string[];
}

/** What an approval was signed with: a security key or passkey, a certificate, or a key of the directory. */
export type ApprovalMethod = 'authenticator' | 'certificate' | 'directory-key';

/** Facts about a transaction for the policy engine. The engine reads them itself; callers never send them. */
export interface TransactionFacts {
  readonly id: TransactionId;
  readonly state: string;
  readonly version: number;
  readonly intentType: string;
  readonly intent: Readonly<Record<string, Json>>;
  readonly intentDigest: Digest;
  /** The person, service or agent that started the transaction. */
  readonly initiator: string;
  readonly initiatorInstitution: string;
  readonly mandate: { readonly id: string; readonly version: number };
  /** Valid approvals: for this digest, neither expired nor withdrawn. */
  readonly approvals: readonly {
    readonly approver: string;
    readonly role: string;
    readonly institution: string;
    /** Counts as no certificate when left out. */
    readonly method?: ApprovalMethod;
  }[];
  /**
   * Whether the destination is an active address book entry that others than its proposer have approved and, for a withdrawal,
   * that has been used before. Supplied by the registry; when left out, the destination counts as new.
   */
  readonly destinationKnown?: boolean;
  /**
   * Whether the executed trades that the intent names exist and have enough left to allocate or settle. When left out, they count
   * as unknown.
   */
  readonly tradeKnown?: boolean;
  /** ISIN, UPI or DTI of the executed trades that an allocation divides. */
  readonly tradedInstrument?: string;
  /**
   * LEIs of institutions that receive or hold the assets and are not named in the intent: the beneficiary of the address book
   * entry, the other parties of a collateral agreement. Policies check them like institutions in the intent.
   */
  readonly receivers?: readonly string[];
  /** For collateral: whether the directory has its agreement in force between its institution and another. */
  readonly agreementKnown?: boolean;
  /** The principal that took the transaction over, if it is not the initiator. */
  readonly carriedBy?: string;
  /**
   * The initiator's newest permitted token for this transaction. When left out, no permitted token exists, so the initiator has
   * not acted on the intent.
   */
  readonly permitted?: PermittedIntent;
  /**
   * Scopes of steps that, from this state, only complete or reverse what was done. They stay possible after the initiator or the
   * mandates of the start are revoked. When left out, there are none.
   */
  readonly completingScopes?: readonly string[];
}

/** Input for in-process callers that already hold the facts; see `PolicyEngine.decide`. */
export interface DecisionInput {
  readonly principal: string;
  /** A scope of the vocabulary, e.g. `order:create`, or `token:issue`. */
  readonly action: string;
  readonly resource:
    | { readonly type: 'transaction'; readonly facts: TransactionFacts }
    | { readonly type: 'resource'; readonly uri: string };
  readonly context: {
    /** Client, institution and interface of the token according to our own records; empty for an unknown or absent token. */
    readonly client: string;
    readonly institution: string;
    readonly audience: string;
    /** Client id that an enforcement point supplies. Only revocations of this client are read from it. */
    readonly claimedClient?: string;
    /** Milliseconds since the epoch. */
    readonly at: number;
    readonly scopes: readonly string[];
    readonly mandateInForce: boolean;
    readonly acr?: string;
    /** Authentication methods of that sign-in (RFC 8176). */
    readonly amr?: readonly string[];
    /** Seconds since the epoch at which the person signed in. */
    readonly authTime?: number;
    /**
     * Whether `acr` and `authTime` come from an assertion whose challenge included this intent. Set only for our own sign-in and
     * a request with an intent.
     */
    readonly boundToIntent?: boolean;
    readonly algo?: { readonly modelId: string; readonly version: string; readonly artifactSha256: string };
    /** What our own attestation established about the software behind the credential, or behind the certificate request. */
    readonly workload?: {
      readonly level: string;
      readonly environment: string;
      /** SHA-256, 64 hexadecimal digits. */
      readonly image: string;
      readonly configuration?: string;
    };
    /** The partner that vouches for the person, and the claims of its assertion. */
    readonly partner?: { readonly institution: string; readonly claims: readonly string[] };
    /** For a token without an intent of its own: the steps of an existing transaction that it is for. */
    readonly step?: {
      readonly transaction: TransactionId;
      readonly events: readonly string[];
      /** Whether all scopes that change something are for steps that start nothing new; see `onlyCompletes`. */
      readonly onlyCompletes?: boolean;
    };
    /** Device id of the principal's sign-in, according to our own records. */
    readonly device?: string;
    /** Device id that an enforcement point supplies; unverified. */
    readonly claimedDevice?: string;
    /** Principal ids of all actors. A revocation of one of them applies to the whole request. */
    readonly actors?: readonly string[];
    /** Risk signals that an enforcement point adds to those of our own registers. It cannot remove any. */
    readonly claimedSignals?: readonly string[];
  };
  /** Minimum versions of policies and directory to decide with. */
  readonly atLeast?: AtLeast;
}

export interface AtLeast {
  readonly policyVersion?: number;
  readonly entityVersion?: number;
}
