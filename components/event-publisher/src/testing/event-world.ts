import type { KeyPurpose } from '@countersign/contracts';
import { newId, systemRandom, type TransactionId } from '@countersign/kernel';
import { createKeyring, createLogger } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock, plainOutbound } from '@countersign/testkit';
import {
  createEventPublisher,
  type EventPublisherDependencies,
  eventPublisherMigrations,
  type RunningEventPublisher,
} from '../index.ts';
import { leis, version } from './example-mandate.ts';

/** Never automatic: tests start it. */
const never = 3_600_000;

/** Event publishers on a database of their own, with a log and transactions that the test controls. */
export async function createEventWorld() {
  const scratch = await createTestDatabase({ components: [eventPublisherMigrations] });
  const clock = fixedClock(Date.now());
  const logger = createLogger({ level: 'silent', name: 'test' });
  const random = systemRandom;
  const log = createMemoryLog(clock);
  log.write({ type: 'log.opened' });
  const sealingKey = { bytes: random.bytes(32) };
  const signer = await createKeyring<'event'>({
    ...{ clock, logger, random, sealingKey },
    pool: scratch.pool('event-publisher'),
    purposes: {
      ['event' satisfies KeyPurpose]: {
        algorithm: 'ES256',
        publicationLeadSeconds: 300,
        longestSignedLifeSeconds: 86_460,
      },
    },
  });
  const parties = new Map<TransactionId, readonly string[]>();
  const asked: TransactionId[] = [];
  const partiesOf = async (id: TransactionId): Promise<readonly string[]> => {
    asked.push(id);
    return parties.get(id) ?? [];
  };
  const nodes: RunningEventPublisher[] = [];

  function node(changes: Partial<EventPublisherDependencies> = {}): RunningEventPublisher {
    const events = createEventPublisher({
      pool: scratch.pool('event-publisher'),
      audit: log,
      log,
      origin: 'countersign.example/log',
      partiesOf,
      signer,
      outbound: plainOutbound,
      ...{ clock, random, logger, sealingKey },
      everyMs: never,
      ...changes,
    });
    nodes.push(events);
    return events;
  }

  return {
    scratch,
    clock,
    log,
    signer,
    outbound: plainOutbound,
    parties,
    partiesOf,
    /** Transactions whose parties were looked up. */
    asked,
    node,
    events: node(),

    /** The fund proposes a mandate to the broker. */
    mandate(
      change: Parameters<typeof version>[0] = {},
      type: 'mandate.proposed' | 'mandate.revoked' = 'mandate.proposed',
    ) {
      const id = newId('mandate', { clock, random });
      return log.write({ type, mandate: { id, version: 1 }, data: { mandate: { id, ...version(change) } } });
    },
    /** An event of somebody else. */
    others: () =>
      log.write({
        type: 'mandate.proposed',
        mandate: { id: newId('mandate', { clock, random }), version: 1 },
        data: { mandate: version({ grantor: { lei: leis.venue }, grantee: { lei: leis.stranger } }) },
      }),
    transaction(of: readonly string[]): TransactionId {
      const id = newId('transaction', { clock, random });
      parties.set(id, of);
      return id;
    },
    async close() {
      await Promise.all(nodes.map((events) => events.stop()));
      await signer.stop();
      await scratch.drop();
    },
  };
}
export type EventWorld = Awaited<ReturnType<typeof createEventWorld>>;
