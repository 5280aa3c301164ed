import {
  type Actor,
  auditLogErrors,
  type PolicyBundle,
  policyErrors,
  type RecordDraft,
  requireFit,
  type SimulationReport,
} from '@countersign/contracts';
import { digestOf, newId, type SimulationId, systemRandom, toInstant } from '@countersign/kernel';
import { createLogger, type Keyring, type ScratchDatabase } from '@countersign/runtime';
import {
  createTestDatabase,
  everybodyIndependent,
  everyProposerActive,
  type FixedClock,
  fixedClock,
  standingsIn,
} from '@countersign/testkit';
import { hashOfBundle } from '../bundle/parts.ts';
import { policyEngineMigrations } from '../migrations.ts';
import { createPolicyVersions, type GovernedVersions, type PolicyVersionsDependencies } from '../versions/versions.ts';
import { createPolicyKeys } from './policy-keys.ts';
import { smallBundle } from './small-bundle.ts';

/** A proposer, an approver, and one who rolls back. */
export const proposer: Actor = { id: 'service:countersign-cli', institution: '529900ASSETMNGRDEM02' };
export const approver: Actor = { id: 'service:countersign-approver', institution: '529900ASSETMNGRDEM02' };
export const about = { changeRequest: 'CHG-7', reason: 'A smaller largest order' };

/** Nodes on a database of their own, with real keys and a log that can fail. */
export interface Rig {
  readonly scratch: ScratchDatabase;
  readonly clock: FixedClock;
  /** Everything that was appended, in order. */
  readonly records: RecordDraft[];
  readonly keys: Keyring<'policy-bundle'>;
  breakLog(broken: boolean): void;
  /** Runs once, after the next record is durable and before its writer is told. */
  afterNextRecord(act: () => Promise<void>): void;
  open(options?: Partial<PolicyVersionsDependencies>): Promise<GovernedVersions>;
  /** The report of a finished simulation of the bundle against a version, with `changes` applied. */
  simulated(bundle: PolicyBundle, baseVersion: number, changes?: Partial<SimulationReport>): SimulationId;
  close(): Promise<void>;
}

export async function createRig(): Promise<Rig> {
  const scratch = await createTestDatabase({ components: [policyEngineMigrations] });
  const [migrated] = scratch.components;
  if (migrated === undefined) throw new Error('no component');
  const clock = fixedClock(Date.UTC(2026, 10, 21));
  const logger = createLogger({ level: 'silent', name: 'test' });
  const common = { pool: scratch.pool(policyEngineMigrations.name), clock, random: systemRandom, logger };
  const keys = await createPolicyKeys(common);
  const records: RecordDraft[] = [];
  const simulations = new Map<SimulationId, SimulationReport>();
  const opened: GovernedVersions[] = [];
  let logIsDown = false;
  let afterNext: (() => Promise<void>) | undefined;
  return {
    scratch,
    clock,
    records,
    keys,
    afterNextRecord(act) {
      afterNext = act;
    },
    breakLog(broken) {
      logIsDown = broken;
    },
    async open(options = {}) {
      const versions = await createPolicyVersions({
        ...common,
        access: {
          database: scratch.database,
          role: migrated.role,
          schema: migrated.schema,
          applicationName: policyEngineMigrations.name,
        },
        audit: {
          append: async (record) => {
            if (logIsDown) throw auditLogErrors.error('log_unavailable', 'down');
            if (records.some(({ id }) => id === record.id))
              throw auditLogErrors.error('record_identity_taken', 'A record with this id is in the log.');
            requireFit(record);
            records.push(record);
            const act = afterNext;
            afterNext = undefined;
            await act?.();
            return { id: record.id, index: BigInt(records.length), time: toInstant(clock.now()) };
          },
          standings: async (things) => standingsIn(records, things),
          find: async (id) => {
            const index = records.findIndex((record) => record.id === id);
            const record = records[index];
            return record === undefined
              ? undefined
              : { index: BigInt(index), record: { ...record, v: 1, time: toInstant(clock.now()) } };
          },
        },
        signer: keys,
        publisher: { id: 'service:countersign', institution: '529900ASSETMNGRDEM02' },
        shipped: async () => smallBundle(),
        simulation: async (id) => {
          const report = simulations.get(id);
          if (report === undefined) throw policyErrors.error('simulation_not_found', 'none');
          return report;
        },
        // Versions on their way arrive in time, however busy the machine is.
        versionWithinMs: 60_000,
        proposerStanding: everyProposerActive,
        independence: everybodyIndependent,
        ...options,
      });
      opened.push(versions);
      return versions;
    },
    simulated(bundle, baseVersion, changes = {}) {
      const id = newId('simulation', common);
      const report: SimulationReport = {
        id,
        status: 'done',
        bundleHash: hashOfBundle(bundle),
        baseVersion,
        range: {},
        startedAt: toInstant(clock.now()),
        startedBy: proposer.id,
        finishedAt: toInstant(clock.now()),
        progress: { done: 9, of: 9 },
        decisions: 9,
        skipped: {},
        permitToDeny: 1,
        denyToPermit: 0,
        otherChanges: 0,
        by: { institution: [], desk: [], action: [] },
        flips: [],
        limitChanges: [],
        digest: digestOf({ id }),
        ...changes,
      };
      simulations.set(id, report);
      return id;
    },
    async close() {
      await Promise.all(opened.map((versions) => versions.stop()));
      await keys.stop();
      await scratch.drop();
    },
  };
}
