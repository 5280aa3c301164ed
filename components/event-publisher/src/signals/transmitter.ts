import { createCommands, createRecordedThings } from '@countersign/commands';
import {
  type AuditAppender,
  type AuditLog,
  createStandingCheck,
  type Outbound,
  type Signer,
  type StandingReader,
} from '@countersign/contracts';
import type { Random } from '@countersign/kernel';
import type { Logger, RowSeal, SealingKey } from '@countersign/runtime';
import type pg from 'pg';
import { createDeliverer, mostOfInstitution } from '../deliverer.ts';
import { leaseMs } from '../delivery-attempt.ts';
import { watchNewRecords } from '../new-records.ts';
import { createSealedStates } from '../recorded-state.ts';
import { createFilling } from './filling.ts';
import { createPoll, type Poll } from './poll.ts';
import { push } from './push.ts';
import { createStreamKind } from './recorded-stream.ts';
import { createSignalReader, type SignalReaderDependencies } from './signal-reader.ts';
import { createSignalStore, type LeasedStream } from './store.ts';
import { createStreams, type Streams } from './streams.ts';

export interface SignalTransmitterDependencies extends SignalReaderDependencies {
  /** Of the component `event-publisher`. */
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & StandingReader & Pick<AuditLog, 'find'>;
  /** Its keys for `security-event`. */
  readonly signer: Pick<Signer, 'current' | 'sign' | 'publicKeys'>;
  /** Seals what receivers want to be shown with each push, and addresses in the records of streams. */
  readonly sealingKey: SealingKey;
  /** Seals what waits in a queue. */
  readonly rowSeal: RowSeal;
  readonly outbound: Pick<Outbound, 'post'>;
  /** Where our interfaces are asked. */
  readonly baseUrl: string;
  readonly random: Random;
  readonly logger: Logger;
  /** How often to look for what is new; 250 ms by default. */
  readonly everyMs?: number;
  /** How long a poll waits for something to happen; 20 seconds by default. */
  readonly longPollMs?: number;
}

/** Security events about an institution's own people and clients, for those who keep sessions of them. */
export interface SignalTransmitter {
  readonly issuer: string;
  readonly streams: Streams;
  readonly poll: Poll;
  readonly signer: Pick<Signer, 'publicKeys'>;
  /** Pushes what is due now, as far as there are free turns; runs by itself. @returns how many tokens were delivered */
  deliver(): Promise<number>;
  /** Ends what waits and what is pushed; other nodes go on at once. */
  stop(): Promise<void>;
}

/** A transmitter of the Shared Signals Framework 1.0, with the events of the CAEP 1.0, pushed and polled for. */
export function createSignalTransmitter(dependencies: SignalTransmitterDependencies): SignalTransmitter {
  const {
    pool,
    audit,
    sealingKey,
    rowSeal,
    issuer,
    baseUrl,
    signer,
    clock,
    random,
    logger,
    everyMs = 250,
  } = dependencies;
  const store = createSignalStore(pool, rowSeal);
  const check = createStandingCheck({ log: audit, source: 'event-publisher', clock, random });
  const recorded = { pool, log: audit, check, source: 'event-publisher', clock } as const;
  const commands = createCommands(recorded);
  const kind = createStreamKind(createSealedStates(sealingKey, random), clock);
  const things = createRecordedThings(kind, recorded);
  const reader = createSignalReader(dependencies);
  const fill = createFilling({ store, reader, things, clock });
  const watch = watchNewRecords({ newest: reader.newest, logger, everyMs });
  let stopped = false;
  const shared = { ...dependencies, store, reader, kind, things, commands, fill, watch };
  const deliverer = createDeliverer<{ readonly held: LeasedStream; readonly newest: bigint }>({
    ...{ logger, everyMs },
    async lease(limit) {
      // The log may be in another process, and is looked at several times a second.
      if (!(await store.anyDue(clock.now()))) return [];
      const newest = await reader.newest();
      const leased = await store.lease({ now: clock.now(), leaseMs, newest, limit, mostOfInstitution });
      return leased.map((held) => ({ held, newest }));
    },
    deliver: ({ held, newest }, ended) => push(held, { newest, ended }, shared),
  });

  return {
    issuer,
    streams: createStreams({ ...shared, transmitter: { issuer, baseUrl } }),
    poll: createPoll({ ...shared, stopped: () => stopped }),
    signer,
    deliver: deliverer.deliverDue,
    async stop() {
      stopped = true;
      watch.stop();
      await deliverer.stop();
    },
  };
}
