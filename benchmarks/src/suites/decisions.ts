import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AuthorizationRequest,
  createEntitySnapshot,
  createLazySnapshot,
  createReference,
  decideFailClosed,
  type EntityInput,
  type EntitySnapshot,
} from '@countersign/cedar';
import {
  type DecisionInput,
  type Directory,
  type DirectorySnapshot,
  openDecision,
  type PolicyBundle,
  type PolicyEngine,
  protectedDecision,
} from '@countersign/contracts';
import { systemClock, systemRandom } from '@countersign/kernel';
import {
  type LoadedBundle,
  loadBundle,
  type PolicyEngineDependencies,
  policyEngineMigrations,
  readBundleFolder,
  shippedPolicies,
  startPolicyEngine,
} from '@countersign/policy-engine';
import { createScratchDatabase } from '@countersign/runtime';
import { everybodyIndependent, everyProposerStands, testRowSeal } from '@countersign/testkit';
import { logComponent, openProductLog } from '../evidence/product-log.ts';
import { timed } from '../in-process-work.ts';
import { type Contender, figure, measureInTurn, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { generatedBundle, permittingPolicy, relevantOf } from '../policies/generated-bundle.ts';
import { createTradingFloor, type TradingFloor } from '../policies/trading-floor.ts';
import { memorySigner } from '../signers.ts';
import { count, inMicroseconds, number, table, times, verdict } from '../table.ts';
import type { InProcessOptions } from './suite.ts';

/** What was measured with so many policies over so many entities. */
export interface DecisionResults {
  readonly policies: number;
  /** Of them, those that an order meets. */
  readonly relevant: number;
  readonly entities: number;
  /** The engine, the engine with what a record of the decision holds, its compiled policies alone, and Cedar's reference engine. */
  readonly results: readonly Result[];
}

const engineName = 'engine, in process';

/**
 * Orders of many traders put to policies: through the engine's own door; with all that a record of the decision holds,
 * which is written and digested when it is first read; to the compiled policies beneath it; and to Cedar's reference
 * engine. All must permit each order, for the same reason.
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
      const about = `${policies} policies, ${entities.toLocaleString('en')} entities`;
      const contenders = await contendersFor(bundle, floor, `${policies}-${entities}`, options);
      const results = await measureInTurn(
        contenders,
        { rounds: pace.rounds, seconds: pace.inProcessSeconds },
        (message) => onProgress(`decisions: ${about}: ${message}`),
      );
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
  const order = among(floor.orders);
  const request = among(requests);
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

/** An engine as a process of the control plane has it, on a database of its own. */
export async function engineOn(
  { bundle }: LoadedBundle,
  directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>,
  name: string,
  {
    inProcess,
    folder,
    started,
    audit,
  }: Omit<InProcessOptions, 'pace' | 'onProgress'> & { readonly audit?: PolicyEngineDependencies['audit'] },
): Promise<PolicyEngine> {
  const policiesFolder = join(folder, `policies-${name}`);
  writeBundleFolder(policiesFolder, bundle);
  const scratch = await createScratchDatabase({
    server: inProcess.scratch.connection,
    components: [policyEngineMigrations, logComponent],
  });
  await started(Promise.resolve({ stop: () => scratch.drop() }));
  const { role, schema } = scratch.components[0] ?? policyEngineMigrations;
  const unasked = async (): Promise<never> => {
    throw new Error('decide() is given the facts');
  };
  return started(
    startPolicyEngine({
      pool: scratch.pool(policyEngineMigrations.name),
      access: { database: scratch.database, role, schema, applicationName: 'benchmark' },
      // A log that holds another engine's policies contradicts an empty database.
      audit:
        audit ?? (await started(openProductLog({ pool: scratch.pool(logComponent.name), logger: inProcess.logger }))),
      directory,
      consentStore: { check: unasked },
      transactions: { facts: unasked, countsAgainstLimits: unasked, parties: unasked },
      signer: memorySigner('policy-bundle'),
      rowSeal: testRowSeal,
      publisher: { id: 'service:benchmark' },
      proposerStanding: everyProposerStands,
      independence: everybodyIndependent,
      policiesFolder,
      clock: systemClock,
      random: systemRandom,
      logger: inProcess.logger,
    }),
  );
}

/** The same questions for those who are asked without the engine: as it wrote them down when it decided. */
async function requestsOf(
  orders: readonly DecisionInput[],
  engine: PolicyEngine,
  bundle: LoadedBundle,
  directory: Pick<Directory, 'snapshot'>,
): Promise<readonly (() => AuthorizationRequest)[]> {
  const shared = cedarEntities(directory.snapshot(), bundle);
  return Promise.all(
    orders.map(async (order) => {
      const { inputText } = await engine.decide(order);
      // Ours to read: the engine has just written it.
      const { principal, resource, context, local } = JSON.parse(inputText) as Pick<
        AuthorizationRequest,
        'principal' | 'resource' | 'context'
      > & { readonly local: readonly EntityInput[] };
      const action = { type: 'Action', id: order.action };
      // What a question brings along is read at every question.
      return () => ({ principal, action, resource, context, entities: shared.with(local) });
    }),
  );
}

function among<Item>(items: readonly Item[]): (index: number) => Item {
  return (index) => {
    const item = items[index % items.length];
    if (item === undefined) throw new Error('there is nothing to ask about');
    return item;
  };
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
        number(figure(result, 'rate'), 0),
        number(inMicroseconds(result, 'p50Ms'), 1),
        number(inMicroseconds(result, 'p99Ms'), 1),
        number(figure(result, 'cpuUs'), 1),
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

/** A bundle without tests and limits as the folder that an installation begins with. */
export function writeBundleFolder(folder: string, { schema, policies, entities }: PolicyBundle): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'schema.cedarschema'), schema);
  for (const { file, text } of policies) writeFileSync(join(folder, file), text);
  writeFileSync(join(folder, 'entities.json'), JSON.stringify(entities));
}

/** The directory as the policies see it, for those who ask them without the engine. */
export function cedarEntities(directory: DirectorySnapshot, bundle: LoadedBundle): EntitySnapshot {
  return createLazySnapshot({
    load: ({ type, id }) => entityOf(directory, type, id),
    localTypes: new Set(['Transaction', 'Instrument', 'Mandate', 'Resource']),
    base: createEntitySnapshot(bundle.entities),
  });
}

function entityOf(directory: DirectorySnapshot, type: string, id: string): EntityInput | undefined {
  switch (type) {
    case 'Institution': {
      const found = directory.institution(id);
      if (found === undefined) return undefined;
      const { country, leiStatus, compliance } = found;
      return entity(type, id, [], {
        country: reference('Jurisdiction', country),
        leiStatus,
        ...(compliance === undefined ? {} : { suitableFor: compliance.suitableFor, category: compliance.category }),
      });
    }
    case 'Person': {
      const found = directory.principal(id);
      if (found === undefined) return undefined;
      const desk = directory.desk(`${found.institution}/${found.desk}`);
      const institution = reference('Institution', found.institution);
      const parents = [...(desk === undefined ? [] : [uid('Desk', desk.id)]), institution.__entity];
      return entity(type, id, parents, {
        institution,
        roles: found.roles,
        ...(desk === undefined ? {} : { desk: reference('Desk', desk.id) }),
      });
    }
    case 'Desk': {
      const found = directory.desk(id);
      if (found === undefined) return undefined;
      const institution = reference('Institution', found.institution);
      return entity(type, id, [institution.__entity], {
        products: found.products,
        venues: found.venues.map((mic) => reference('Venue', mic)),
        jurisdictions: found.jurisdictions.map((country) => reference('Jurisdiction', country)),
      });
    }
    case 'Account': {
      const found = directory.account(id);
      if (found === undefined) return undefined;
      const institution = reference('Institution', found.institution);
      return entity(type, id, [institution.__entity], { institution });
    }
    case 'Venue': {
      const found = directory.venue(id);
      if (found === undefined) return undefined;
      return entity(type, id, [], { country: reference('Jurisdiction', found.country) });
    }
    default:
      return undefined;
  }
}

const uid = (type: string, id: string) => ({ type, id });
const reference = (type: string, id: string) => ({ __entity: uid(type, id) });
const entity = (type: string, id: string, parents: EntityInput['parents'], attrs: EntityInput['attrs']) => ({
  uid: uid(type, id),
  attrs,
  parents,
});
