import { X509Certificate } from 'node:crypto';
import { type Clock, CodedError, isCodedError, toInstant } from '@countersign/kernel';
import { createRounds, type Logger, type Metrics, type Rounds, readSecret } from '@countersign/runtime';
import { endOf, expired, ownName, type ProcessIdentity } from '@countersign/wire';
import type { ProcessGroup } from '../process-groups/index.ts';

/** The current TLS identity of this process, as read from its files. */
export interface OwnIdentity {
  current(): ProcessIdentity;
  /** Milliseconds since the epoch. */
  endsAt(): number;
  /** `process_certificate_ends` in the last thirty days of validity, otherwise empty. */
  warnings(): readonly string[];
  /** Watches the files and reports each new identity. */
  follow(onRenewed: (identity: ProcessIdentity) => void): void;
  stop(): Promise<void>;
}

export interface OwnIdentityOptions {
  /** References: PEM files. */
  readonly references: ProcessIdentity;
  readonly group: ProcessGroup;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'gauge'>;
  /** Milliseconds between two reads of the files. Default: ten seconds. */
  readonly everyMs?: number;
}

const dayMs = 86_400_000;
const warnedBeforeMs = 30 * dayMs;

/**
 * Reads certificate, key and authorities of a process, and reads them again while it runs, so that a certificate from
 * `processes renew` needs no restart.
 *
 * @throws CodedError `secret_unavailable`, `configuration_invalid`, `process_certificate_expired`
 */
export function openOwnIdentity(options: OwnIdentityOptions): OwnIdentity {
  const { references, group, clock, logger, metrics, everyMs = 10_000 } = options;
  let current = readIdentity(references);
  let textNow = JSON.stringify(current);
  requireFit(current, group, clock.now());
  let refusedText = textNow;
  let warnedAt = Number.NEGATIVE_INFINITY;
  let rounds: Rounds | undefined;
  metrics.gauge(
    'countersign_process_certificate_end_timestamp_seconds',
    'When the certificate that this process shows the others ends, in seconds since the epoch',
    () => endOf(current) / 1_000,
  );
  const endsSoon = (): boolean => endOf(current) - clock.now() < warnedBeforeMs;

  function warn(): void {
    if (!endsSoon() || clock.now() - warnedAt < dayMs) return;
    warnedAt = clock.now();
    logger.warn(
      { group, ends: toInstant(endOf(current)) },
      'the certificate of this process ends: make a new one with countersign processes renew, and copy process.pem and process.key here',
    );
  }

  /** Reports a mismatch once. Certificate and key do not match for a moment while both files are replaced. */
  function lookAgain(onRenewed: (identity: ProcessIdentity) => void): void {
    let text = '';
    try {
      const found = readIdentity(references);
      text = JSON.stringify(found);
      if (text === textNow || text === refusedText) return;
      requireFit(found, group, clock.now());
      onRenewed(found);
      current = found;
      textNow = text;
      warnedAt = Number.NEGATIVE_INFINITY;
      logger.info({ group, ends: toInstant(endOf(found)) }, 'a new certificate of this process is in use');
    } catch (error) {
      if (text === refusedText && text !== '') return;
      refusedText = text;
      const reason = isCodedError(error) ? error.detail : String(error);
      logger.warn(
        { group, reason },
        'the new certificate of this process cannot be used; it goes on with the one before',
      );
    }
  }

  warn();
  return {
    current: () => current,
    endsAt: () => endOf(current),
    warnings: () => (endsSoon() ? ['process_certificate_ends'] : []),
    follow(onRenewed) {
      rounds = createRounds({
        what: 'checking the certificate of this process',
        async work() {
          lookAgain(onRenewed);
          warn();
        },
        logger,
        everyMs,
      });
    },
    async stop() {
      await rounds?.stop();
    },
  };
}

function readIdentity({ certificate, key, authorities }: ProcessIdentity): ProcessIdentity {
  return { certificate: readSecret(certificate), key: readSecret(key), authorities: readSecret(authorities) };
}

function requireFit(identity: ProcessIdentity, group: ProcessGroup, now: number): void {
  const name = ownName(identity);
  if (name !== group) throw invalid(`process.certificate is of the ${name} process, and process.group says ${group}.`);
  if (!isVouchedFor(identity))
    throw invalid(
      'process.certificate was issued by none of process.authorities: the others would let nobody in with it.',
    );
  if (endOf(identity) < now) throw expired('this process');
}

function invalid(detail: string): CodedError {
  return new CodedError({ code: 'configuration_invalid', category: 'invalid', detail });
}

/**
 * Accepts a chain through intermediate certificates that are sent along, because the TLS handshake verifies the whole chain.
 */
function isVouchedFor({ certificate, authorities }: ProcessIdentity): boolean {
  const [own, ...others] = certificatesIn(certificate);
  return [...others, ...certificatesIn(authorities)].some(
    (issuer) => own?.checkIssued(issuer) === true && own.verify(issuer.publicKey),
  );
}

function certificatesIn(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    throw invalid('process.authorities must be certificates as PEM.');
  }
}
