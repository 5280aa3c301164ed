import type {
  AuditLog,
  ConfiguredExchange,
  ConsentStore,
  Directory,
  Independence,
  LastingToken,
  Notices,
  PolicyEngine,
  ProposerStanding,
  Requester,
  TransactionRegistry,
} from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { Logger, Metrics, SealingKey } from '@countersign/runtime';
import type pg from 'pg';
import type { LeaseTarget } from './store/index.ts';

/** What the component reads from and writes to the log. */
export type SecretsLog = Pick<
  AuditLog,
  'append' | 'standings' | 'standingsUnder' | 'find' | 'search' | 'query' | 'newest' | 'scan'
>;

/** A caller with the token that it presented. */
export interface TokenHolder extends Requester {
  /** LEI. */
  readonly institution: string;
  readonly client: string;
  /** The token on which the caller receives a credential or value; its revocation ends the lease. */
  readonly token: LastingToken;
}

export interface SecretsDependencies {
  readonly pool: pg.Pool;
  readonly audit: SecretsLog;
  readonly directory: Pick<Directory, 'snapshotAtLeast'>;
  readonly consentStore: Pick<ConsentStore, 'withDescendants'>;
  readonly policyEngine: Pick<PolicyEngine, 'decide'>;
  readonly transactions: Pick<TransactionRegistry, 'facts'>;
  readonly proposerStanding: ProposerStanding;
  readonly independence: Independence;
  /** Databases whose credentials are leased, by name. */
  readonly targets: ReadonlyMap<string, LeaseTarget>;
  /** Sends requests to venues. */
  readonly exchange: Pick<ConfiguredExchange, 'exchange'>;
  readonly notices: Notices;
  /** LEI of the operator, whose people are notified of credentials that cannot be removed. */
  readonly operator: string;
  /** The key-encryption key of the group: encrypts the key of each value. */
  readonly sealingKey: SealingKey;
  /** The key from which the passwords of leases are derived: 32 octets, the same on every node. */
  readonly passwordKey: Uint8Array;
  /** The public URL of the installation. */
  readonly issuer: string;
  readonly environment: 'development' | 'production';
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, 'gauge'>;
  /** Maximum number of leases of one holder; 20 by default. */
  readonly leasesPerHolder?: number;
  /** Maximum number of leases of one role; 1,000 by default. */
  readonly leasesPerRole?: number;
  /** How often ended authority is read and due leases are removed, in milliseconds; 1,000 by default. */
  readonly everyMs?: number;
}
