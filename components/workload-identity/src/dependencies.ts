import type {
  AuditLog,
  CertificateAuthority,
  Directory,
  Independence,
  IssuingAuthority,
  ProposerStanding,
} from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type pg from 'pg';

export interface WorkloadIdentityDependencies {
  readonly pool: pg.Pool;
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'search'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly certificateAuthority: Pick<CertificateAuthority, 'issue'> & {
    authorities(): Promise<readonly IssuingAuthority[]>;
  };
  readonly proposerStanding: ProposerStanding;
  readonly independence: Independence;
  /** The public URL of the installation; its host is the trust domain. */
  readonly issuer: string;
  /** LEI of the operator, whose attesters may present workloads of every institution. */
  readonly operator: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}
