import type { Directory } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { readSecret } from '@countersign/runtime';
import {
  createWorkloadIdentity,
  fetchedKeys,
  keysIn,
  pinnedKeys,
  type RunningWorkloadIdentity,
  type Verifiers,
  workloadIdentityMigrations,
} from '@countersign/workload-identity';
import type { Signers } from '../keys/index.ts';
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
    signers,
    exchangeWith,
  }: Pick<Seen, 'auditLog' | 'authenticators' | 'exchangeWith'> &
    CertificateParts & {
      readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
      readonly signers: Pick<Signers, 'workload-token'>;
    },
): WorkloadParts {
  const { issuer, operator, workloads = {} } = configuration;
  return {
    workloadIdentity: createWorkloadIdentity({
      pool: database.pool(workloadIdentityMigrations, { maxConnections: 3 }),
      audit: auditLog,
      signer: signers['workload-token'],
      ...{ directory, certificateAuthority, issuer },
      ...twoPeople({ directory, authenticators, auditLog }),
      operator: operator.lei,
      verifiers: verifiersOf(workloads, exchangeWith, common.clock),
      ...common,
    }),
  };
}

type Workloads = NonNullable<Ground['configuration']['workloads']>;

/** Clusters, CI systems and verifiers of hardware evidence, as configured. */
function verifiersOf(
  { clusters = [], ciIssuers = [], resultVerifiers = [] }: Workloads,
  exchangeWith: Seen['exchangeWith'],
  clock: Clock,
): Verifiers {
  const through = (authorities: string | undefined) =>
    exchangeWith(authorities === undefined ? undefined : readSecret(authorities));
  return {
    clusters: clusters.map(({ name, apiServer, audience, credential, authorities }) => ({
      ...{ name, apiServer, audience },
      // Kubernetes replaces the file before the token in it expires.
      credential: () => readSecret(credential),
      requests: through(authorities),
    })),
    ciIssuers: ciIssuers.map(({ issuer, keys, authorities }) => ({
      issuer,
      keys: fetchedKeys({ address: keys, documents: through(authorities), clock }),
    })),
    resultVerifiers: resultVerifiers.map(({ issuer, keys }) => ({
      issuer,
      keys: pinnedKeys(keysIn(readSecret(keys)) ?? []),
    })),
  };
}
