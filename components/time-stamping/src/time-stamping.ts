import type { Actor, Signer, TimeStamper } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { Logger, Metrics } from '@countersign/runtime';
import type { TimeStampTrust } from '@countersign/x509';
import type pg from 'pg';
import { type AuthorityCertificates, createAuthorityCertificates } from './authority/authority-certificates.ts';
import { createTimeStampAuthority, type TimeStampAuthority } from './authority/time-stamp-authority.ts';
import { createOwnTimeStamper } from './client/own-time-stamper.ts';
import { createTimeStampClient } from './client/time-stamp-client.ts';
import type { TimeStampExchange } from './client/time-stamp-exchange.ts';
import type { ClockQuality } from './clock-quality.ts';
import { createOverdue } from './stamping/overdue.ts';
import type { StampPolicy } from './stamping/stamp-policy.ts';
import { createStamper, type StampedLog, type Stamper } from './stamping/stamper.ts';
import { createStore } from './store.ts';

/** An authority elsewhere that stamps for us. */
export interface ChosenAuthority {
  readonly url: string;
  readonly exchange: TimeStampExchange;
  readonly trusted: TimeStampTrust;
  /** Object identifier that is asked for, and the only one that will do. */
  readonly policy?: string;
}

export interface TimeStampingDependencies {
  readonly pool: pg.Pool;
  readonly log: StampedLog;
  /** Its keys for `time-stamp`. */
  readonly signer: Pick<Signer, 'current' | 'sign' | 'publicKeys'>;
  /** In whose name stamps are obtained. */
  readonly by: Actor;
  /** Legal name of the operator, for the certificate of its own authority. */
  readonly organization: string;
  /** Whose stamps the log gets; those of its own authority when left out. */
  readonly authority?: ChosenAuthority;
  /** Object identifier under which the own authority stamps; {@link defaultPolicy} when left out. */
  readonly policy?: string;
  readonly clockQuality?: () => ClockQuality | undefined;
  /** How often the newest published checkpoint is stamped; an hour by default. */
  readonly checkpointsEveryMs?: number;
  /** Steps of transactions that are stamped by themselves; none by default, beside those that policies ask for. */
  readonly orders?: StampPolicy;
  /** From when on a stamp that is missing is alarmed; ten minutes by default. */
  readonly lateAfterMs?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, 'gauge'>;
  /** How often to look for what is due; a second by default. */
  readonly everyMs?: number;
}

export interface RunningTimeStamping extends Stamper {
  readonly authority: TimeStampAuthority;
  readonly certificates: AuthorityCertificates;
  /** Stamps as the log is stamped. */
  readonly timeStamper: TimeStamper;
}

/**
 * The policy of an authority whose operator has none of its own: a digest was there at the time that the server's clock
 * showed, as well as the accuracy says. Made of a UUID (ITU-T X.667).
 */
export const defaultPolicy = '2.25.4441183886443876968367241389287446949';

const hourMs = 3_600_000;

/** An authority for time stamps, and the stamping of the log. */
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
