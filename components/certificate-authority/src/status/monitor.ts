import { type AuditLog, certificateThing, recordIdOfCommand, standingErrors } from '@countersign/contracts';
import { membersOf, sha256Base64Url } from '@countersign/kernel';
import type { CertificateAuthorityDependencies } from '../dependencies.ts';
import type { CertificateCommands } from '../issuance/certificate-commands.ts';

/** Compares the certificates in the log with the rows from which OCSP answers. */
export interface Monitor {
  /**
   * Compares the records written since the last call.
   * @returns how many certificates were compared
   */
  compare(): Promise<number>;
}

const pageSize = 500;

export function createMonitor({
  audit,
  commands,
  clock,
  logger,
  metrics,
}: Pick<CertificateAuthorityDependencies, 'clock' | 'logger' | 'metrics'> & {
  readonly audit: Pick<AuditLog, 'search' | 'append'>;
  readonly commands: CertificateCommands;
}): Monitor {
  let upTo = -1n;
  let compared = 0;
  let unaccounted = 0;
  metrics?.gauge(
    'countersign_certificates_compared',
    'Issued certificates in the log that were compared with what OCSP knows, since the start',
    () => compared,
  );
  metrics?.gauge(
    'countersign_certificates_unaccounted',
    'Issued certificates in the log that OCSP does not know, or knows with other content',
    () => unaccounted,
  );

  async function report(serial: string, record: Parameters<typeof audit.append>[0]['id'], why: string) {
    unaccounted += 1;
    logger.error({ serial, record, why }, 'an issued certificate does not match its record');
    await audit.append({
      id: recordIdOfCommand({ unaccounted: serial, why }),
      type: 'certificate.unaccounted',
      source: 'certificate-authority',
      outcome: 'deny',
      reason: 'authority_unproven',
      references: [record],
      data: { serial, why },
    });
  }

  return {
    async compare() {
      const before = compared;
      for (;;) {
        const page = await audit.search({
          types: ['certificate.issued'],
          after: upTo,
          limit: pageSize,
          withheld: true,
        });
        for (const { index, record } of page) {
          const data = membersOf(record.data) ?? {};
          const serial = membersOf(data['after'])?.['serial'];
          const notAfter = membersOf(data['after'])?.['not_after'];
          const isKept = typeof notAfter === 'string' && Date.parse(notAfter) + commands.keptAfterEndMs > clock.now();
          if (typeof serial === 'string' && isKept && data['thing'] === certificateThing(serial)) {
            const known = await commands.things.find(serial).catch((error: unknown) => {
              if (standingErrors.is(error, 'authority_unproven')) return 'altered' as const;
              throw error;
            });
            if (known === 'altered') await report(serial, record.id, 'content_differs');
            else if (known === undefined) await report(serial, record.id, 'status_missing');
            else if (sha256Base64Url(known.tbs) !== data['tbs_digest'])
              await report(serial, record.id, 'content_differs');
            compared += 1;
          }
          upTo = index;
        }
        if (page.length < pageSize) return compared - before;
      }
    },
  };
}
