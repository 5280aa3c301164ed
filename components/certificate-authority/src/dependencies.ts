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

/** The part of the log that the authority reads and writes. */
export type AuthorityLog = Pick<
  AuditLog,
  'append' | 'standings' | 'standingsUnder' | 'find' | 'search' | 'newest' | 'count'
>;

export interface CertificateAuthorityDependencies {
  readonly pool: pg.Pool;
  readonly audit: AuthorityLog;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly policyEngine: Pick<PolicyEngine, 'decide'>;
  /** Its keys for the purposes `certificate-...`. */
  readonly signer: Pick<Signer, 'current' | 'sign' | 'publicKeys'>;
  readonly proposerStanding: ProposerStanding;
  readonly independence: Independence;
  /** The public URL of the installation, below which lists and OCSP answers are served. */
  readonly issuer: string;
  /** Legal name of the operator, for the names of authorities. */
  readonly organization: string;
  /** LEI of the operator, whose people may obtain certificates for every institution. */
  readonly operator: string;
  /** From which the secrets of enrolments and nonces are derived; the same on every node, and not in the database. 32 octets. */
  readonly enrolmentKey: Uint8Array;
  /** Limits of ACME accounts; 100 orders an hour by default. */
  readonly acmeLimits?: { readonly ordersPerHour?: number };
  /** The actor of certificates that the authority issues to itself. */
  readonly installation: Required<Actor>;
  /** How long an approved authority is published before it signs, in milliseconds; a day by default. */
  readonly publishBeforeUseMs?: number;
  /** DNS names and domains that hosts of this installation may have; the host of the issuer when left out. */
  readonly hosts?: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, 'gauge'>;
  /** How often lists are renewed and certificates compared, in milliseconds; 5,000 by default. */
  readonly everyMs?: number;
}
