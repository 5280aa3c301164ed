import {
  certificateAuthorityMigrations,
  createCertificateAuthority,
  type RunningCertificateAuthority,
} from '@countersign/certificate-authority';
import type { Directory } from '@countersign/contracts';
import type { CertificateKeyPurpose, Signers } from '../keys/index.ts';
import type { Ground } from './ground.ts';
import type { Seen } from './seen.ts';
import { twoPeople } from './two-people.ts';

/** The private certificate authority. */
export interface CertificateParts {
  readonly certificateAuthority: RunningCertificateAuthority;
}

export function startCertificateAuthority(
  { configuration, database, metrics, common, installation, development, started, keyFor }: Ground,
  {
    auditLog,
    directory,
    authenticators,
    policyEngine,
    signers,
  }: Pick<Seen, 'auditLog' | 'authenticators'> & {
    readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
    readonly policyEngine: Pick<Seen['policyEngine'], 'decide'>;
    readonly signers: Pick<Signers, CertificateKeyPurpose>;
  },
): CertificateParts {
  const { issuer, operator, certificates = {} } = configuration;
  const hours = certificates.publishBeforeUseHours ?? (development ? 0 : 24);
  const certificateAuthority = started(
    'certificate authority',
    createCertificateAuthority({
      pool: database.pool(certificateAuthorityMigrations, { maxConnections: 5 }),
      audit: auditLog,
      directory,
      policyEngine,
      // One keyring has the keys of every purpose.
      signer: signers['certificate-status'],
      ...twoPeople({ directory, authenticators, auditLog }),
      issuer,
      organization: operator.name,
      operator: operator.lei,
      installation,
      enrolmentKey: keyFor(certificateAuthorityMigrations).derive('enrolment'),
      publishBeforeUseMs: hours * 3_600_000,
      replaceKeysAfterMs: configuration.keys.replaceAfterDays * 86_400_000,
      ...(certificates.hosts === undefined ? {} : { hosts: certificates.hosts }),
      metrics,
      ...common,
    }),
  );
  return { certificateAuthority };
}
