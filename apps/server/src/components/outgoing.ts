import {
  createEventPublisher,
  createSignalTransmitter,
  eventPublisherMigrations,
  type RunningEventPublisher,
  type SignalTransmitter,
} from '@countersign/event-publisher';
import { createRowSeal } from '@countersign/runtime';
import type { Signers } from '../keys/index.ts';
import type { Ground } from './ground.ts';
import type { Seen } from './seen.ts';

/** Events and notices about records, for external receivers. */
export interface OutgoingParts {
  readonly eventPublisher: RunningEventPublisher;
  readonly signals: SignalTransmitter;
}

export function startOutgoing(
  { configuration, database, common, keyFor, started }: Ground,
  {
    auditLog,
    directory,
    transactions,
    outbound,
    signers,
  }: Pick<Seen, 'auditLog' | 'directory' | 'transactions' | 'outbound'> & {
    readonly signers: Pick<Signers, 'event' | 'security-event'>;
  },
): OutgoingParts {
  const { issuer, logOrigin } = configuration;
  const key = keyFor(eventPublisherMigrations);
  const log = { audit: auditLog, log: auditLog };
  const eventPublisher = started(
    'event publisher',
    createEventPublisher({
      pool: database.pool(eventPublisherMigrations, { maxConnections: 5 }),
      ...log,
      origin: logOrigin,
      // A step is in the log before it is stored, so waiting for its completion also finds the parties that it adds.
      async partiesOf(id) {
        await transactions.countsAgainstLimits(id);
        return transactions.parties(id);
      },
      signer: signers.event,
      sealingKey: key.sealing,
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
      sealingKey: key.sealing,
      rowSeal: createRowSeal(key.derive('row-seal/event-publisher')),
      outbound,
      ...common,
    }),
  );
  return { eventPublisher, signals };
}
