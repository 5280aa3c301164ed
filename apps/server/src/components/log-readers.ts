import {
  createEventPublisher,
  createSignalTransmitter,
  eventPublisherMigrations,
  type RunningEventPublisher,
  type SignalTransmitter,
} from '@countersign/event-publisher';
import { createRetention, type RunningRetention, retentionMigrations } from '@countersign/retention';
import { createRowSeal } from '@countersign/runtime';
import { createTimeStamping, type RunningTimeStamping, timeStampingMigrations } from '@countersign/time-stamping';
import { timeStampParts } from '../evidence-parts.ts';
import type { Signers } from '../keys.ts';
import type { DecisionParts } from './decisions.ts';
import type { Ground } from './ground.ts';
import type { LogParts } from './log.ts';
import type { Parties } from './parties.ts';

/** What lives by the log: it is told on, stamped, and kept for as long as it must be. */
export interface LogReaders {
  readonly eventPublisher: RunningEventPublisher;
  readonly signals: SignalTransmitter;
  readonly timeStamping: RunningTimeStamping;
  readonly retention: RunningRetention;
}

export function startLogReaders(
  { configuration, database, metrics, common, keyEncryptionKey, installation, outbound, exchangeWith, started }: Ground,
  {
    auditLog,
    directory,
    transactionRegistry,
    proposerStanding,
    independence,
    signers,
  }: LogParts & Parties & DecisionParts & { readonly signers: Signers },
): LogReaders {
  const { issuer, logOrigin, operator } = configuration;
  const log = { audit: auditLog, log: auditLog };
  const eventPublisher = started(
    'event publisher',
    createEventPublisher({
      pool: database.pool(eventPublisherMigrations, { maxConnections: 5 }),
      ...log,
      origin: logOrigin,
      // A step is in the log before it is stored: who waits for it to end finds the parties that it brings in.
      async partiesOf(id) {
        await transactionRegistry.countsAgainstLimits(id);
        return transactionRegistry.parties(id);
      },
      signer: signers.event,
      sealingKey: keyEncryptionKey.sealing,
      outbound,
      ...common,
    }),
  );
  const signals = started(
    'signals',
    createSignalTransmitter({
      pool: database.pool(eventPublisherMigrations, { maxConnections: 4 }),
      ...log,
      directory,
      issuer,
      baseUrl: issuer,
      signer: signers['security-event'],
      sealingKey: keyEncryptionKey.sealing,
      rowSeal: createRowSeal(keyEncryptionKey.derive('row-seal/event-publisher')),
      outbound,
      ...common,
    }),
  );
  const timeStamping = started(
    'time stamping',
    createTimeStamping({
      pool: database.pool(timeStampingMigrations, { maxConnections: 3 }),
      log: auditLog,
      signer: signers['time-stamp'],
      by: installation,
      organization: operator.name,
      clockQuality: () => auditLog.clockQuality(),
      metrics,
      ...timeStampParts(configuration.timeStamps, exchangeWith),
      ...common,
    }),
  );
  const retention = started(
    'retention',
    createRetention({
      pool: database.pool(retentionMigrations, { maxConnections: 3 }),
      ...log,
      custody: auditLog.custody,
      proposerStanding,
      independence,
      ...common,
    }),
  );
  return { eventPublisher, signals, timeStamping, retention };
}
