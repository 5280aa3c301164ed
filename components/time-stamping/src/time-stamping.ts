import type { Actor, Signer, TimeStamper } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { Logger, Metrics } from '@countersign/runtime';
import type { TimeStampTrust } from '@countersign/x509';
import type pg from 'pg';
import { type AuthorityCertificates, createAuthorityCertificates } from './authority/authority-certificates.ts';
import { createTimeStampAuthority, type TimeStampAuthority } from './authority/time-stamp-authority.ts';
import { createOwnTimeStamper, createTimeStampClient } from './client/time-stamp-client.ts';
import type { TimeStampExchange } from './client/time-stamp-exchange.ts';
import type { ClockQuality } from './clock-quality.ts';
import { createOverdue } from './stamping/overdue.ts';
import type { StampPolicy } from './stamping/stamp-policy.ts';
import { createStamper, type StampedLog, type Stamper } from './stamping/stamper.ts';
import { createStore } from './store.ts';

export interface ChosenAuthority {
  readonly url: string;
  readonly exchange: TimeStampExchange;
  readonly trusted: TimeStampTrust;
  /** Object identifier; the only accepted policy. */
  readonly policy?: string;
}

export interface TimeStampingDependencies {
  readonly pool: pg.Pool;
  readonly log: StampedLog;
  readonly signer: Pick<Signer, 'current' | 'sign' | 'publicKeys'>;
  readonly by: Actor;
  /** Legal name of the operator, for the certificate of its own authority. */
  readonly organization: string;
  /** Default: the installation's own authority. */
  readonly authority?: ChosenAuthority;
  /** Object identifier of the own authority's policy; {@link defaultPolicy} by default. */
  readonly policy?: string;
  readonly clockQuality?: () => ClockQuality | undefined;
  /** How often the newest published checkpoint is stamped; an hour by default. */
  readonly checkpointsEveryMs?: number;
  /** Steps stamped individually, besides those that policies require; none by default. */
  readonly orders?: StampPolicy;
  /** Delay after which a missing stamp raises an alarm; ten minutes by default. */
  readonly lateAfterMs?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, 'gauge'>;
  /** Polling interval; a second by default. */
  readonly everyMs?: number;
}

export interface RunningTimeStamping extends Stamper {
  readonly authority: TimeStampAuthority;
  readonly certificates: AuthorityCertificates;
  readonly timeStamper: TimeStamper;
}

/** The digest existed at the stated time of the server's clock, within the stated accuracy. A UUID (ITU-T X.667). */
export const defaultPolicy = '2.25.4441183886443876968367241389287446949';

const hourMs = 3_600_000;

export function createTimeStamping(dependencies: TimeStampingDependencies): RunningTimeStamping {
  const { pool, log, signer, by, organization, clock, random, logger, metrics } = dependencies;
  const { clockQuality = () => undefined, policy = defaultPolicy } = dependencies;
  const store = createStore(pool);
  const certificates = createAuthorityCertificates({
    ...{ store, signer, organization, clock, random },
    name: 'Countersign time stamps',
  });
  const authority = createTimeStampAuthority({
    ...{ audit: log, signer, certificates, policy, clockQuality, clock, random },
  });
  const chosen = dependencies.authority;
  const timeStamper =
    chosen === undefined
      ? createOwnTimeStamper({ authority, certificates, clock })
      : createTimeStampClient({
          exchange: chosen.exchange,
          trusted: chosen.trusted,
          ...(chosen.policy === undefined ? {} : { policy: chosen.policy, policies: [chosen.policy] }),
          ...{ clock, random },
        });
  const named = chosen?.url ?? 'own';
  const overdue = createOverdue({
    ...{ audit: log, by, authority: named, clock, random, logger },
    lateAfterMs: dependencies.lateAfterMs ?? 600_000,
  });
  metrics?.gauge(
    'countersign_timestamp_waiting_seconds',
    'For how long the oldest thing that is to be time-stamped has been waiting',
    () => overdue.waitingSeconds(),
  );
  const stamper = createStamper({
    ...{ store, log, timeStamper, overdue, by, clock, random, logger },
    authority: named,
    policy: dependencies.orders ?? { opened: [], into: [] },
    checkpointsEveryMs: dependencies.checkpointsEveryMs ?? hourMs,
    everyMs: dependencies.everyMs ?? 1_000,
  });
  return { ...stamper, authority, certificates, timeStamper };
}
