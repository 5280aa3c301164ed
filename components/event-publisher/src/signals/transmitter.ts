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
import { createDeliverer, maxOfInstitution } from '../deliverer.ts';
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
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & StandingReader & Pick<AuditLog, 'find'>;
  readonly signer: Pick<Signer, 'current' | 'sign' | 'publicKeys'>;
  /** Encrypts authorization headers, and addresses in records. */
  readonly sealingKey: SealingKey;
  readonly rowSeal: RowSeal;
  readonly outbound: Pick<Outbound, 'post'>;
  readonly baseUrl: string;
  readonly random: Random;
  readonly logger: Logger;
  readonly everyMs?: number;
  readonly longPollMs?: number;
}

/** Security events about an institution's own people and clients, for systems that hold their sessions. */
export interface SignalTransmitter {
  readonly issuer: string;
  readonly streams: Streams;
  readonly poll: Poll;
  readonly signer: Pick<Signer, 'publicKeys'>;
  /** @returns how many tokens were delivered */
  deliver(): Promise<number>;
  /** Ends waiting polls and pushes; other nodes continue at once. */
  stop(): Promise<void>;
}

/** Shared Signals Framework 1.0 with the events of CAEP 1.0, by push and poll. */
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
      if (!(await store.anyDue(clock.now()))) return [];
      const newest = await reader.newest();
      const leased = await store.lease({ now: clock.now(), leaseMs, newest, limit, maxOfInstitution });
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
