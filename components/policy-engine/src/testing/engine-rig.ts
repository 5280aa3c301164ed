import { rmSync } from 'node:fs';
import {
  auditLogErrors,
  completeDraft,
  type DirectorySnapshot,
  type EvidenceRecord,
  type RecordDraft,
  requireFit,
  type TransactionFacts,
} from '@countersign/contracts';
import { systemRandom, toInstant } from '@countersign/kernel';
import { createLogger, type ScratchDatabase } from '@countersign/runtime';
import {
  createTestDatabase,
  everybodyIndependent,
  everyProposerActive,
  type FixedClock,
  fixedClock,
  lastUnderIn,
  standingsIn,
  standingsUnderIn,
  testRowSeal,
} from '@countersign/testkit';
import { type PolicyEngineDependencies, type RunningPolicyEngine, startPolicyEngine } from '../engine.ts';
import { policyEngineMigrations } from '../migrations.ts';
import { writeBundleFolder } from './bundle-folder.ts';
import { desk, midday, operator } from './desk.ts';
import { createPolicyKeys } from './policy-keys.ts';
import { recordStreamOf, streamed } from './record-stream.ts';

/** Engines on a database of their own, with real keys, and an in-memory log and registry that can fail. */
export interface EngineRig {
  readonly scratch: ScratchDatabase;
  readonly clock: FixedClock;
  /** Everything that was appended, in order. */
  readonly records: RecordDraft[];
  /** Transactions that the registry knows, with their parties; tests add what is to be found. */
  readonly transactions: Map<string, { readonly facts: TransactionFacts; readonly parties: readonly string[] }>;
  /** The directory that the next question reads; another object is another version. */
  directory: DirectorySnapshot;
  /** The log of the engines, unless they are started with another. */
  readonly log: PolicyEngineDependencies['audit'];
  breakLog(broken: boolean): void;
  start(options?: Partial<PolicyEngineDependencies>): Promise<RunningPolicyEngine>;
  close(): Promise<void>;
}

/** @param bundle replaces the shipped policies; keeps the shipped schema and reference data */
export async function createEngineRig(bundle?: Parameters<typeof writeBundleFolder>[0]): Promise<EngineRig> {
  const folder = bundle === undefined ? undefined : writeBundleFolder(bundle);
  const scratch = await createTestDatabase({ components: [policyEngineMigrations] });
  const [migrated] = scratch.components;
  if (migrated === undefined) throw new Error('no component');
  const clock = fixedClock(midday);
  const common = {
    pool: scratch.pool(policyEngineMigrations.name),
    clock,
    random: systemRandom,
    logger: createLogger({ level: 'silent', name: 'test' }),
  };
  const signer = await createPolicyKeys(common);
  const records: RecordDraft[] = [];
  const engines: RunningPolicyEngine[] = [];
  let logIsDown = false;
  const log = memoryLog(records, clock, () => logIsDown);
  const rig: EngineRig = {
    scratch,
    clock,
    records,
    log,
    transactions: new Map(),
    directory: desk,
    breakLog(broken) {
      logIsDown = broken;
    },
    async start(options = {}) {
      const engine = await startPolicyEngine({
        ...common,
        access: {
          database: scratch.database,
          role: migrated.role,
          schema: migrated.schema,
          applicationName: policyEngineMigrations.name,
        },
        audit: log,
        directory: { snapshot: () => rig.directory, snapshotAtLeast: async () => rig.directory },
        // A caller with its own mandate is responsible for its question.
        consentStore: { check: async () => ({ valid: true, chain: [] }) as never },
        transactions: {
          facts: async (id) => rig.transactions.get(id)?.facts,
          parties: async (id) => rig.transactions.get(id)?.parties ?? [],
          countsAgainstLimits: async () => undefined,
        },
        signer,
        rowSeal: testRowSeal,
        publisher: { id: 'service:countersign', institution: operator },
        ...(folder === undefined ? {} : { policiesFolder: folder }),
        proposerStanding: everyProposerActive,
        independence: everybodyIndependent,
        ...options,
      });
      engines.push(engine);
      return engine;
    },
    async close() {
      for (const engine of engines) await engine.stop();
      await signer.stop();
      await scratch.drop();
      if (folder !== undefined) rmSync(folder, { recursive: true });
    },
  };
  return rig;
}

function memoryLog(
  records: RecordDraft[],
  clock: FixedClock,
  isDown: () => boolean,
): PolicyEngineDependencies['audit'] {
  const recorded = (draft: RecordDraft): EvidenceRecord => ({ v: 1, time: toInstant(clock.now()), ...draft });
  return {
    async append(draft) {
      if (isDown()) throw auditLogErrors.error('log_unavailable', 'The log is gone.');
      requireFit(draft);
      if (records.some(({ id }) => id === draft.id))
        throw auditLogErrors.error('record_identity_taken', 'A record with this id is in the log.');
      // As it is read back, however its component submitted it.
      records.push(completeDraft(draft));
      return { id: draft.id, index: BigInt(records.length - 1), time: toInstant(clock.now()) };
    },
    async find(id) {
      const index = records.findIndex((draft) => draft.id === id);
      const draft = records[index];
      return draft === undefined ? undefined : { index: BigInt(index), record: recorded(draft) };
    },
    stream: async ({ types }) =>
      recordStreamOf(async (behind, limit) =>
        records
          .filter(({ type }) => types.includes(type))
          .slice(behind, behind + limit)
          .map((draft) => streamed(recorded(draft))),
      ),
    async standings(things) {
      if (isDown()) throw auditLogErrors.error('log_unavailable', 'The log is gone.');
      return standingsIn(records, things);
    },
    async standingsUnder(prefix, page) {
      if (isDown()) throw auditLogErrors.error('log_unavailable', 'The log is gone.');
      return standingsUnderIn(records, prefix, page);
    },
    async lastUnder(prefixes) {
      if (isDown()) throw auditLogErrors.error('log_unavailable', 'The log is gone.');
      return lastUnderIn(records, prefixes);
    },
    count: async ({ types }) => records.filter(({ type }) => types.includes(type)).length,
  };
}
