import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditLogMigrations } from '@countersign/audit-log';
import { type AuthorizationRequest, createReference, decideFailClosed, type EntityInput } from '@countersign/cedar';
import {
  type DecisionInput,
  type Directory,
  openDecision,
  type PolicyBundle,
  type PolicyEngine,
  protectedDecision,
} from '@countersign/contracts';
import { systemClock, systemRandom } from '@countersign/kernel';
import {
  createDirectoryEntities,
  type LoadedBundle,
  loadBundle,
  type PolicyEngineDependencies,
  policyEngineMigrations,
  readBundleFolder,
  shippedPolicies,
  startPolicyEngine,
} from '@countersign/policy-engine';
import { createScratchDatabase } from '@countersign/runtime';
import { everybodyIndependent, everyProposerActive, testRowSeal } from '@countersign/testkit';
import { openProductLog } from '../evidence/product-log.ts';
import { timed } from '../in-process-work.ts';
import { pick } from '../machine-clients.ts';
import { type Contender, figure, measureInTurn, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { generatedBundle, permittingPolicy, relevantOf } from '../policies/generated-bundle.ts';
import { createTradingFloor, type TradingFloor } from '../policies/trading-floor.ts';
import { memorySigner } from '../signers.ts';
import { about } from '../starter.ts';
import { count, inMicroseconds, loneCallerCells, number, table, times, verdict } from '../table.ts';
import type { InProcessOptions } from './suite.ts';

/** The results for a number of policies and entities. */
export interface DecisionResults {
  readonly policies: number;
  /** The policies that apply to orders. */
  readonly relevant: number;
  readonly entities: number;
  /** The engine, the engine with what a record of the decision holds, its compiled policies alone, and Cedar's reference engine. */
  readonly results: readonly Result[];
}

const engineName = 'engine, in process';

/**
 * Orders of many traders decided by the engine; by the engine with the document and digest of the record, which are
 * computed on first use; by the compiled policies alone; and by Cedar's reference engine. All must permit each order, for
 * the same reason.
 */
export async function measureDecisions(options: InProcessOptions): Promise<readonly DecisionResults[]> {
  const { pace, onProgress } = options;
  const shipped = await readBundleFolder(shippedPolicies);
  const measured: DecisionResults[] = [];
  for (const entities of pace.decisions.entities) {
    onProgress(`decisions: a directory of ${entities.toLocaleString('en')} entities`);
    const floor = createTradingFloor(entities);
    for (const policies of pace.decisions.policies) {
      const bundle = loadBundle(generatedBundle(shipped, policies));
      const what = `${policies} policies, ${entities.toLocaleString('en')} entities`;
      const contenders = await contendersFor(bundle, floor, `${policies}-${entities}`, options);
      const turns = { rounds: pace.rounds, seconds: pace.inProcessSeconds };
      const results = await measureInTurn(contenders, turns, about(`decisions: ${what}`, onProgress));
      measured.push({ policies, relevant: relevantOf(policies), entities, results });
    }
  }
  return measured;
}

async function contendersFor(
  bundle: LoadedBundle,
  floor: TradingFloor,
  name: string,
  options: InProcessOptions,
): Promise<readonly Contender[]> {
  const { pace } = options;
  const engine = await engineOn(bundle, floor.directory, name, options);
  const requests = await requestsOf(floor.orders, engine, bundle, floor.directory);
  const reference = createReference(bundle.parsed);
  const order = (index: number) => pick(floor.orders, index);
  const request = (index: number) => pick(requests, index);
  return [
    timed(engineName, pace, async (index) => {
      const { decision, determining } = await engine.decide(order(index));
      expectPermit(decision, determining);
    }),
    timed('engine, with document and digest for the record', pace, async (index) => {
      const asked = order(index);
      const decision = await engine.decide(asked);
      openDecision(decision);
      protectedDecision(decision, asked.context.institution);
      expectPermit(decision.decision, decision.determining);
    }),
    timed('compiled policies alone', pace, (index) => {
      const { decision, determining } = decideFailClosed(bundle.compiled, request(index)());
      expectPermit(decision === 'allow', determining);
    }),
    timed('Cedar reference engine (WebAssembly)', pace, (index) => {
      const { decision, determining } = reference.evaluate(request(index)());
      expectPermit(decision === 'allow', determining);
    }),
  ];
}

/** An engine as in a process of the control plane, with its own database. */
export async function engineOn(
  { bundle }: LoadedBundle,
  directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>,
  name: string,
  { inProcess, folder, started, audit }: InProcessOptions & { readonly audit?: PolicyEngineDependencies['audit'] },
): Promise<PolicyEngine> {
  const policiesFolder = join(folder, `policies-${name}`);
  writeBundleFolder(policiesFolder, bundle);
  const scratch = await createScratchDatabase({
    server: inProcess.scratch.connection,
    components: [policyEngineMigrations, auditLogMigrations],
  });
  await started({ stop: () => scratch.drop() });
  const { role, schema } = scratch.components[0] ?? policyEngineMigrations;
  const unused = async (): Promise<never> => {
    throw new Error('decide() receives all facts as its input');
  };
  return started(
    startPolicyEngine({
      pool: scratch.pool(policyEngineMigrations.name),
      access: { database: scratch.database, role, schema, applicationName: 'benchmark' },
      audit:
        audit ??
        (await started(openProductLog({ pool: scratch.pool(auditLogMigrations.name), logger: inProcess.logger }))),
      directory,
      consentStore: { check: unused },
      transactions: { facts: unused, countsAgainstLimits: unused, parties: unused },
      signer: memorySigner('policy-bundle'),
      rowSeal: testRowSeal,
      publisher: { id: 'service:benchmark' },
      proposerStanding: everyProposerActive,
      independence: everybodyIndependent,
      policiesFolder,
      clock: systemClock,
      random: systemRandom,
      logger: inProcess.logger,
    }),
  );
}

/** The requests that the engine derived from these orders. */
async function requestsOf(
  orders: readonly DecisionInput[],
  engine: PolicyEngine,
  bundle: LoadedBundle,
  directory: Pick<Directory, 'snapshot'>,
): Promise<readonly (() => AuthorizationRequest)[]> {
  const { snapshot } = createDirectoryEntities()(directory.snapshot(), bundle);
  return Promise.all(
    orders.map(async (order) => {
      const { inputText } = await engine.decide(order);
      // The engine has just written this text.
      const { principal, resource, context, local } = JSON.parse(inputText) as Pick<
        AuthorizationRequest,
        'principal' | 'resource' | 'context'
      > & { readonly local: readonly EntityInput[] };
      const action = { type: 'Action', id: order.action };
      // The local entities are read for every request.
      return () => ({ principal, action, resource, context, entities: snapshot.with(local) });
    }),
  );
}

function expectPermit(permitted: boolean, determining: readonly string[]): void {
  if (!permitted || determining.length !== 1 || determining[0] !== permittingPolicy)
    throw new Error(`the order must be permitted by ${permittingPolicy} alone, not by: ${determining.join(', ')}`);
}

const judgedAt = 200;

/** Decisions in this process: by how many policies, over how many entities. */
export function decisionsSection(measured: readonly DecisionResults[], { rounds }: Pace): string {
  const rows = measured.flatMap(({ policies, relevant, entities, results }) => {
    const reference = results.at(-1);
    return [
      [`${count(policies)} policies, ${count(relevant)} of them for orders; ${count(entities)} entities`],
      ...results.map((result) => [
        `  ${result.name}`,
        ...loneCallerCells(result),
        reference === undefined || result === reference ? '' : times(ratio(result, reference, 'rate')),
      ]),
    ];
  });
  const head = ['', 'decisions/s', 'p50 µs', 'p99 µs', 'CPU µs', 'reference engine'];
  const verdicts = measured
    .filter(({ policies }) => policies === judgedAt)
    .flatMap(({ entities, results }) => {
      const [engine] = results;
      const reference = results.at(-1);
      if (engine === undefined || reference === undefined) return [];
      const at = `with ${judgedAt} policies and ${count(entities)} entities`;
      return [
        verdict(`decisions/s of the engine ${at}`, figure(engine, 'rate'), { atLeast: 100_000 }, rounds, count),
        verdict(`µs is its p99`, inMicroseconds(engine, 'p99Ms'), { atMost: 50 }, rounds, (value) => number(value, 1)),
        verdict('the rate of the reference engine', ratio(engine, reference, 'rate'), { atLeast: 20 }, rounds),
      ];
    });
  return [table('Policy decisions in process, one core', [head, ...rows]), ...verdicts].join('\n');
}

/** Writes a bundle without tests and limits as a policy folder. */
function writeBundleFolder(folder: string, { schema, policies, entities }: PolicyBundle): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'schema.cedarschema'), schema);
  for (const { file, text } of policies) writeFileSync(join(folder, file), text);
  writeFileSync(join(folder, 'entities.json'), JSON.stringify(entities));
}
