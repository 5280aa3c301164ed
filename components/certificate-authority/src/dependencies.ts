import type {
  Actor,
  AuditLog,
  Directory,
  Independence,
  PolicyEngine,
  ProposerStanding,
  Signer,
} from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { Logger, Metrics } from '@countersign/runtime';
import type pg from 'pg';

/** What the authority reads from and writes to the log. */
export type AuthorityLog = Pick<
  AuditLog,
  'append' | 'standings' | 'standingsUnder' | 'find' | 'search' | 'newest' | 'count'
>;

export interface CertificateAuthorityDependencies {
  readonly pool: pg.Pool;
  readonly audit: AuthorityLog;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly policyEngine: Pick<PolicyEngine, 'decide'>;
  /** Holds the keys for the purposes `certificate-...`. */
  readonly signer: Pick<Signer, 'current' | 'sign' | 'publicKeys'>;
  readonly proposerStanding: ProposerStanding;
  readonly independence: Independence;
  /** The public URL of the installation. Lists and OCSP responses are served below it. */
  readonly issuer: string;
  /** Legal name of the operator, which the names of authorities contain. */
  readonly organization: string;
  /** LEI of the operator, whose people may obtain certificates for every institution. */
  readonly operator: string;
  /**
   * The key from which enrolment secrets and nonces are derived: 32 octets, the same on every node, not in the
   * database.
   */
  readonly enrolmentKey: Uint8Array;
  /** Limits of ACME accounts; 100 orders an hour by default. */
  readonly acmeLimits?: { readonly ordersPerHour?: number };
  /** The actor in records of certificates that the authority issues to itself. */
  readonly installation: Required<Actor>;
  /** How long an approved authority is published before it signs, in milliseconds; a day by default. */
  readonly publishBeforeUseMs?: number;
  /** The age of an issuing key, from its first possible use, at which it stops issuing; three years by default. */
  readonly replaceKeysAfterMs?: number;
  /** DNS names and domains that certificates may name; by default the host of the issuer. */
  readonly hosts?: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, 'gauge'>;
  /** How often lists are renewed and certificates compared, in milliseconds; 5,000 by default. */
  readonly everyMs?: number;
}
