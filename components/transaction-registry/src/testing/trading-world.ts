import {
  type Actor,
  type AuditAppender,
  createIndependence,
  type Mandate,
  type OpenedTransaction,
  type Person,
  type TransactionRegistry,
  type TransitionReceipt,
} from '@countersign/contracts';
import { type Json, newId, type RecordId, systemRandom, type TransactionId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { createKeyring, createLogger } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock, testRowSeal } from '@countersign/testkit';
import { consentStoreMigrations, createConsentStore } from '../../../consent-store/src/index.ts';
import {
  actor,
  broker,
  brokerSignatory,
  childProposal,
  clearer,
  clearerSignatory,
  custodian,
  firms,
  fundSignatory,
  people,
  personOf,
  rootProposal,
  termsHash,
  venue,
} from '../../../consent-store/src/testing/firms.ts';
import { createMandateKeys } from '../../../consent-store/src/testing/mandate-keys.ts';
import { createSmallDirectory } from '../../../consent-store/src/testing/small-directory.ts';
import { tradeOrder } from '../../../consent-store/src/testing/trade-order.ts';
import { type LimitDefinition, readLimits } from '../../../policy-engine/src/bundle/limit-definitions.ts';
import { createLimits, type LimitsComponent } from '../../../policy-engine/src/limits/limits.ts';
import { policyEngineMigrations } from '../../../policy-engine/src/migrations.ts';
import {
  createTransactionRegistry,
  type TransactionRegistryDependencies,
  transactionRegistryMigrations,
} from '../index.ts';
import { createApprovalKey } from './approver.ts';
import { type PermittedToken, permitToken } from './permit.ts';
import { createSmallPolicyEngine, publishedPolicies } from './small-policy-engine.ts';

export const trader = personOf(broker, 'tess', 'trader');
export const supervisor = personOf(broker, 'sid', 'supervisor');
export const secondSupervisor = personOf(broker, 'sue', 'supervisor');
export const colleague = personOf(broker, 'cem', 'trader');
export const foreignSupervisor = personOf(clearer, 'flo', 'supervisor');

const traders = [trader, supervisor, secondSupervisor, colleague, foreignSupervisor];

const reporters = {
  submit: broker,
  acknowledge: venue,
  execute: venue,
  clear: clearer,
  settle: custodian,
  cancel: broker,
} as const;
export type Event = keyof typeof reporters;

/** A body within the terms of these tests' order. */
export const goodBody = {
  submit: {},
  acknowledge: {},
  execute: { executed_qty: '800', price: { amount: '119.5', ccy: 'EUR' } },
  clear: { cleared_qty: '800' },
  settle: { settled_qty: '800' },
  cancel: {},
} as const;

/**
 * A registry and a consent store on one database, each with its own schema and role, and a mandate of a fund to its broker.
 */
export async function createTradingWorld(log?: AuditAppender) {
  const scratch = await createTestDatabase({
    components: [consentStoreMigrations, transactionRegistryMigrations, policyEngineMigrations],
  });
  const clock = fixedClock(Date.parse('2026-06-15T10:00:00Z'));
  const random = systemRandom;
  const audit = createMemoryLog(clock, { behind: log, checked: ['consent-store', 'transaction-registry'] });
  const directory = createSmallDirectory({ institutions: firms, principals: [...people, ...traders] });
  const logger = createLogger({ level: 'silent', name: 'test' });
  const role = scratch.components.find(({ name }) => name === 'consent-store')?.role ?? '';
  const mandateKeys = await createMandateKeys({ pool: scratch.pool('consent-store'), clock, random, logger });
  const consentStore = await createConsentStore({
    signer: mandateKeys,
    pool: scratch.pool('consent-store'),
    access: { database: scratch.database, role, schema: 'consent_store', applicationName: 'consent-store' },
    clock,
    random,
    audit,
    directory,
    logger,
  });

  const keyring = await createKeyring({
    pool: scratch.pool('transaction-registry', { maxConnections: 1 }),
    sealingKey: { bytes: random.bytes(32) },
    purposes: { envelope: { algorithm: 'ES256', publicationLeadSeconds: 600, longestSignedLifeSeconds: 3_600 } },
    clock,
    random,
    logger,
  });

  const directoryRecord = newId('record', { clock, random });
  await audit.append({
    id: directoryRecord,
    type: 'directory.applied',
    source: 'directory',
    outcome: 'done',
    data: { credentials: [] },
  });
  const policyRecord: RecordId = newId('record', { clock, random });
  await audit.append({
    id: policyRecord,
    type: 'policy.published',
    source: 'policy-engine',
    outcome: 'done',
    data: publishedPolicies,
  });
  let definitions: readonly LimitDefinition[] = [];
  const nodes: LimitsComponent[] = [];
  /** Limits on a node of their own, settled by what this registry reports of its orders. */
  function limitsNode(): LimitsComponent {
    const limits = createLimits({
      pool: scratch.pool('policy-engine'),
      audit,
      rowSeal: testRowSeal,
      current: () => ({ limits: definitions }),
      directory,
      transactions: { countsAgainstLimits: (id) => registry.countsAgainstLimits(id) },
      clock,
      random,
      logger,
    });
    nodes.push(limits);
    return limits;
  }
  const limits = limitsNode();
  const counted = scratch.pool('policy-engine', { maxConnections: 1 });
  const policyEngine = createSmallPolicyEngine({ clock, random, policyRecord, limits });
  /** For the token endpoint: its questions are not among those of the registry. */
  const permitting = createSmallPolicyEngine({ clock, random, policyRecord, limits });

  function keyOf(person: Person, algorithm?: 'ES256' | 'EdDSA') {
    const key = createApprovalKey(person, algorithm);
    directory.credentials.set(key.credential.kid, key.credential);
    directory.records.set(person.id, directoryRecord);
    return key;
  }

  /** Who invited whom to enrol a key. */
  const inviters = new Map<string, readonly string[]>();
  const independence = createIndependence({ invitersOf: async (person) => inviters.get(person) ?? [] });

  function registryWith(changes: Partial<TransactionRegistryDependencies> = {}) {
    return createTransactionRegistry({
      pool: scratch.pool('transaction-registry'),
      clock,
      random,
      audit,
      logger,
      directory,
      independence,
      consentStore,
      policyEngine,
      audience: 'https://countersign.example/transactions',
      signer: keyring,
      issuer: 'https://countersign.example',
      referenceKey: new Uint8Array(32).fill(7),
      // Most tests do not concern cooling-off.
      addressCoolingOffMs: 0,
      ...changes,
    });
  }
  const registry = registryWith();

  let count = 0;
  const next = (what: string) => `${what}-${String(++count).padStart(6, '0')}`;

  /** A mandate from the fund to the broker, and a sub-mandate for the clearing firm. */
  async function mandates(): Promise<{ readonly root: Mandate; readonly clearing: Mandate }> {
    const proposed = await consentStore.propose(rootProposal(), actor(fundSignatory), next('proposal'));
    const root = await consentStore.accept(proposed.id, { termsHash }, actor(brokerSignatory));
    const cut = await consentStore.propose(childProposal(root.id), actor(brokerSignatory), next('proposal'));
    return { root, clearing: await consentStore.accept(cut.id, { termsHash }, actor(clearerSignatory)) };
  }

  /** Records a token for an intent, by default for an interface of the intent's institution. */
  const permit = (token: Omit<PermittedToken, 'reaches'> & Partial<Pick<PermittedToken, 'reaches'>>) =>
    permitToken(
      { reaches: token.initiator.institution ?? '', ...token },
      { audit, clock, random, policyEngine: permitting },
    );

  /** Opens a transaction for an intent whose token is then permitted. */
  const begun: TransactionRegistry['open'] = async (request) => {
    const transaction = await registry.open(request);
    await permit({ ...request, transaction });
    return transaction;
  };

  async function open(root: Mandate, changes: Readonly<Record<string, unknown>> = {}): Promise<OpenedTransaction> {
    return begun({
      detail: tradeOrder(root.id, { idempotency_key: next('order'), ...changes }),
      mandate: { id: root.id, version: root.version, recordId: root.recordId },
      initiator: actor(trader),
      client: 'broker-oms',
    });
  }

  function report(
    transaction: TransactionId,
    event: Event,
    changes: {
      readonly body?: Readonly<Record<string, unknown>>;
      readonly key?: string;
      readonly institution?: Lei;
      readonly on?: typeof registry;
    } = {},
  ): Promise<TransitionReceipt> {
    const institution = changes.institution ?? reporters[event];
    const by: Actor & { readonly client: string } = { id: 'service:reporter', institution, client: 'reporter' };
    return (changes.on ?? registry).transition({
      transaction,
      event,
      idempotencyKey: changes.key ?? next(event),
      body: changes.body ?? goodBody[event],
      by,
    });
  }

  /** Opens an order and takes it through these events. */
  async function reach(...events: readonly Event[]) {
    const granted = await mandates();
    const transaction = await open(granted.root);
    for (const event of events) await report(transaction.id, event);
    return { ...granted, transaction };
  }

  return {
    scratch,
    clock,
    random,
    audit,
    directory,
    inviters,
    directoryRecord,
    policyRecord,
    keyring,
    consentStore,
    policyEngine,
    limits,
    limitsNode,
    /** Sets the limits of the policies, beside those of the mandates. */
    limitTo(...wanted: readonly Json[]) {
      const read = readLimits({ limits: wanted, rates: {} });
      if (read.problems.length > 0) throw new Error(read.problems.join('; '));
      definitions = read.definitions;
    },
    /** The stored amount under keys with this prefix, within one limit or any. */
    async used(key: string, limit?: string): Promise<string> {
      const { rows } = await counted.query<{ used: string }>(
        `select trim_scale(coalesce(sum(s.amount), 0))::text as used
           from limit_sums s join limit_counters c on c.id = s.counter
          where starts_with(c.key, $1) and ($2::text is null or c.limit_id = $2)`,
        [key, limit ?? null],
      );
      return rows[0]?.used ?? '0';
    },
    registry,
    registryWith,
    keyOf,
    next,
    mandates,
    begun,
    permit,
    open,
    report,
    reach,
    recordsOf: (id: TransactionId) => audit.records.filter((record) => record.transaction === id),
    async close() {
      await Promise.all(nodes.map((node) => node.stop()));
      await keyring.stop();
      await consentStore.stop();
      await mandateKeys.stop();
      await scratch.drop();
    },
  };
}
export type TradingWorld = Awaited<ReturnType<typeof createTradingWorld>>;
