import type {
  AuditLog,
  CertificateAuthority,
  Directory,
  Independence,
  IssuingAuthority,
  ProposerStanding,
  Signer,
} from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type pg from 'pg';
import type { Verifiers } from './attestation/evidence.ts';

export interface WorkloadIdentityDependencies {
  readonly pool: pg.Pool;
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'search' | 'find'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly certificateAuthority: Pick<CertificateAuthority, 'issue'> & {
    authorities(): Promise<readonly IssuingAuthority[]>;
  };
  /** Holds the keys for the purpose `workload-token`. */
  readonly signer: Pick<Signer, 'current' | 'sign' | 'publicKeys'>;
  readonly proposerStanding: ProposerStanding;
  readonly independence: Independence;
  /** The public URL of the installation; its host is the trust domain. */
  readonly issuer: string;
  /** LEI of the operator, whose attesters may present workloads of every institution. */
  readonly operator: string;
  /** Outside parties that vouch for evidence; none when left out. */
  readonly verifiers?: Verifiers;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}
