import type { Directory } from '@countersign/contracts';
import {
  createWorkloadIdentity,
  type RunningWorkloadIdentity,
  workloadIdentityMigrations,
} from '@countersign/workload-identity';
import type { CertificateParts } from './certificate-authority.ts';
import type { Ground } from './ground.ts';
import type { Seen } from './seen.ts';
import { twoPeople } from './two-people.ts';

/** Registration and attestation of workloads. */
export interface WorkloadParts {
  readonly workloadIdentity: RunningWorkloadIdentity;
}

export function startWorkloadIdentity(
  { configuration, database, common }: Ground,
  {
    auditLog,
    directory,
    authenticators,
    certificateAuthority,
  }: Pick<Seen, 'auditLog' | 'authenticators'> &
    CertificateParts & { readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'> },
): WorkloadParts {
  const { issuer, operator } = configuration;
  return {
    workloadIdentity: createWorkloadIdentity({
      pool: database.pool(workloadIdentityMigrations, { maxConnections: 3 }),
      audit: auditLog,
      ...{ directory, certificateAuthority, issuer },
      ...twoPeople({ directory, authenticators, auditLog }),
      operator: operator.lei,
      ...common,
    }),
  };
}
