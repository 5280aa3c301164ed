import type { DecisionId, Digest, Json, RecordId, TransactionId } from '@countersign/kernel';

/** What must happen first for the answer to become yes. */
export type Obligation =
  | {
      readonly kind: 'approval';
      /** Role that the approver must hold, at the initiator's institution. */
      readonly role: string;
      /** How many more are needed, by different people. */
      readonly count: number;
      /** Whom to turn to when nobody answers, in order; empty where the policy names nobody. */
      readonly escalation: readonly { readonly role: string; readonly afterSeconds: number }[];
    }
  | {
      readonly kind: 'step-up';
      /** Authentication context class that the person must reach. */
      readonly acr: string;
      /** How old the sign-in may be at most, where the policy says so. */
      readonly maxAgeSeconds?: number;
    };

/** Why not, for whoever asked: a code, and words they can act on. */
export interface DecisionReason {
  readonly code: string;
  readonly detail: string;
}

export interface Decision {
  readonly id: DecisionId;
  readonly decision: boolean;
  readonly policyVersion: number;
  readonly policyHash: Digest;
  /** Ids of the policies that decided, sorted. Empty for a default deny. */
  readonly determining: readonly string[];
  /** Policies that failed to evaluate; a failing forbid denies. */
  readonly errors: readonly { readonly policyId: string; readonly message: string }[];
  /** Why not; empty when permitted. */
  readonly reasons: readonly DecisionReason[];
  /**
   * The fewest things that would make the answer yes, all of them together: that they would has been tried. Empty when
   * permitted, and where nothing that can be asked of a person would help.
   */
  readonly obligations: readonly Obligation[];
  /** The longest life that the determining policies allow a token, where one of them says so. */
  readonly tokenLifetimeSeconds?: number;
  /** A policy that permitted it asks for a time stamp of the step (`@time_stamp`). It changes no answer. */
  readonly timeStamp?: true;
  /** Version of the directory snapshot that was read. */
  readonly entityVersion: number;
  /** Digest of {@link inputText}. */
  readonly inputDigest: Digest;
  /** Everything the decision was made from, as canonical JSON (RFC 8785); what of the directory was read is named by digest. */
  readonly inputText: string;
  /** Record of the publication of the policies used. */
  readonly policyRecord: RecordId;
}

/** That whoever began a transaction was permitted a token for its intent, by the record of that token. */
export interface PermittedIntent {
  readonly record: RecordId;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** How they had signed in, where they are a person. */
  readonly acr?: string;
  /** Seconds since the epoch. */
  readonly authTime?: number;
  /** The managed device of that sign-in. */
  readonly device?: string;
  /** LEIs of the parties for whose interfaces it was, or was exchanged; asked for only until the first step. */
  readonly reached: readonly string[];
}

/** What the policy engine may know of a transaction; read by it, never sent by the caller. */
export interface TransactionFacts {
  readonly id: TransactionId;
  readonly state: string;
  readonly version: number;
  readonly intentType: string;
  readonly intent: Readonly<Record<string, Json>>;
  readonly intentDigest: Digest;
  /** The person, service or agent that began it. */
  readonly initiator: string;
  readonly initiatorInstitution: string;
  readonly mandate: { readonly id: string; readonly version: number };
  /** Approvals that stand now: given for this digest, not expired, not withdrawn. */
  readonly approvals: readonly { readonly approver: string; readonly role: string; readonly institution: string }[];
  /**
   * Whether it goes to an active entry of the address book, which others than its proposer have approved, and for a withdrawal
   * has gone there before. The registry says so; left out where nobody knows: then it is new.
   */
  readonly destinationKnown?: boolean;
  /** Whether the executed trades that it names are known, and have enough left. Left out where nobody knows: then they are not. */
  readonly tradeKnown?: boolean;
  /** ISIN, UPI or DTI of what was dealt in by the executed trades that an allocation divides. */
  readonly tradedInstrument?: string;
  /**
   * LEIs of institutions that receive or hold what moves, where the intent does not name them itself: the beneficiary of the entry of
   * the address book, the other parties of the agreement that collateral is for. They pass the gates as those that it names.
   */
  readonly receivers?: readonly string[];
  /** Of collateral: whether its agreement is in force in the directory, between its institution and another. */
  readonly agreementKnown?: boolean;
  /** Who carries it on, where that is another than who began it. */
  readonly carriedBy?: string;
  /** The newest token for it that was permitted to whoever began it. Left out where none was: then nobody acts on it yet. */
  readonly permitted?: PermittedIntent;
  /**
   * Scopes of steps that, from this state, only carry through or take back what was done: whoever began the transaction, and
   * the mandates it was begun under, may be revoked. Left out where nobody knows: then there are none.
   */
  readonly carriedThrough?: readonly string[];
}

/** Asked in process by those who already hold the facts; see `PolicyEngine.decide`. */
export interface DecisionInput {
  readonly principal: string;
  /** A scope of the vocabulary, e.g. `order:create`, or `token:issue`. */
  readonly action: string;
  readonly resource:
    | { readonly type: 'transaction'; readonly facts: TransactionFacts }
    | { readonly type: 'resource'; readonly uri: string };
  readonly context: {
    /** Client, institution and interface of the token, as our own records have them; empty where there is no token that we know. */
    readonly client: string;
    readonly institution: string;
    readonly audience: string;
    /** Id of a client that an enforcement point names: what is revoked of it counts, and nothing else is read from it. */
    readonly claimedClient?: string;
    /** Milliseconds since the epoch. */
    readonly at: number;
    readonly scopes: readonly string[];
    readonly mandateStands: boolean;
    readonly acr?: string;
    /** Seconds since the epoch at which the person signed in. */
    readonly authTime?: number;
    /**
     * Whether both are of an assertion over a challenge that held this intent. Only where our own sign-in is the source and
     * there is an intent.
     */
    readonly boundToIntent?: boolean;
    readonly algo?: { readonly modelId: string; readonly version: string; readonly artifactSha256: string };
    /** The partner that vouches for the person, and the claims its assertion had. */
    readonly partner?: { readonly institution: string; readonly claims: readonly string[] };
    /** For a token without an intent of its own: the steps it is for, of a transaction that stands. */
    readonly step?: {
      readonly transaction: TransactionId;
      readonly events: readonly string[];
      /** Whether the scopes that change something are for steps that begin nothing new; see `carriesThrough`. */
      readonly carriesThrough?: boolean;
    };
    /** Id of the device of the sign-in that the principal acts by, as our own records have it. */
    readonly device?: string;
    /** Id of the device that an enforcement point names: nobody but the caller says so. */
    readonly claimedDevice?: string;
    /** Principal ids of everybody who acts for the principal: what stands of one of them is about the whole. */
    readonly actors?: readonly string[];
    /** Names of risk signals that an enforcement point adds to those that our own registers have; nothing is taken away by them. */
    readonly claimedSignals?: readonly string[];
  };
  /** Do not answer by anything older. */
  readonly atLeast?: AtLeast;
}

export interface AtLeast {
  readonly policyVersion?: number;
  readonly entityVersion?: number;
}
