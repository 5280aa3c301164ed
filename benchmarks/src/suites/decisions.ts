import { setFlagsFromString } from 'node:v8';
import {
  createEntitySnapshot,
  createReference,
  decideFailClosed,
  type EntityInput,
  parsePolicySet,
} from '@countersign/cedar';
import type { DecisionInput } from '@countersign/contracts';
import { createDirectory, directoryMigrations } from '@countersign/directory';
import { intentDigestOf, newId, systemClock, systemRandom } from '@countersign/kernel';
import { readPolicySet, shippedPolicies, startPolicyEngine } from '@countersign/policy-engine';
import type { InProcess } from '../in-process.ts';
import { directoryFile, makeMarket } from '../market.ts';
import { type Contender, measureInTurn, type Result, roundOf } from '../measure.ts';
import type { Pace } from '../pace.ts';

const trader = 'person:bench-trader';
const firm = '5493000ARRANGERDEM94';
const issuer = 'https://control-plane.example';
/** What the market refers to of the control plane it is in. */
const controlPlaneSeed = {
  institutions: [{ lei: '529900T8BM49AURSDO55', name: 'Benchmark operator (example)', country: 'DE' }],
  resources: [{ uri: `${issuer}/decisions`, institution: '529900T8BM49AURSDO55', scopes: ['decision:evaluate'] }],
};
const ids = { clock: systemClock, random: systemRandom };

/**
 * One trader's order put to the shipped policies: through the engine's own door, to the compiled policies beneath it,
 * and to Cedar's reference engine. All three must permit it, for the same reason.
 */
export async function measureDecisions(options: {
  readonly inProcess: InProcess;
  readonly pace: Pace;
  readonly onProgress: (message: string) => void;
}): Promise<readonly Result[]> {
  const { pace, onProgress } = options;
  const engine = await engineContender(options.inProcess, pace);
  try {
    const contenders = [engine.contender, ...(await cedarContenders(pace))];
    return await measureInTurn(contenders, { rounds: pace.rounds, seconds: pace.inProcessSeconds }, (message) =>
      onProgress(`decisions: ${message}`),
    );
  } finally {
    await engine.stop();
  }
}

async function engineContender({ scratch, auditLog, logger }: InProcess, pace: Pace) {
  const common = { ...ids, audit: auditLog, logger };
  const { role, schema } =
    scratch.components.find(({ name }) => name === directoryMigrations.name) ?? directoryMigrations;
  const directory = await createDirectory({
    ...common,
    pool: scratch.pool('directory'),
    access: { database: scratch.database, role, schema, applicationName: 'benchmark' },
    seed: controlPlaneSeed,
  });
  const operator = { id: 'service:benchmark' };
  await directory.apply(directoryFile(makeMarket(), issuer), operator);
  const engine = await startPolicyEngine({
    ...common,
    pool: scratch.pool('policy-engine'),
    publisher: operator,
    directory,
    consentStore: {
      check: async () => {
        throw new Error('decide() is given the standing of the mandate');
      },
    },
    transactions: { facts: async () => undefined },
  });
  const input = orderDecision();
  const contender: Contender = timed('engine, in process', pace, async () => {
    const { decision, determining } = await engine.decide(input);
    expectPermit(decision, determining);
  });
  return { contender, stop: () => directory.stop() };
}

/**
 * V8 of Node 20 dies ("unreachable code" in its deoptimizer) when a function into which it has inlined a call of the
 * reference engine loses its optimisation during that call, which taking turns with other code brings about.
 */
function avoidInlinedWebAssembly(): void {
  if (process.versions.node.startsWith('20.')) setFlagsFromString('--no-turbo-inline-js-wasm-calls');
}

async function cedarContenders(pace: Pace): Promise<readonly Contender[]> {
  avoidInlinedWebAssembly();
  const policySet = await readPolicySet(shippedPolicies);
  const text = policySet.policies.map((policy) => policy.text).join('\n');
  const reference = createReference(parsePolicySet(text, policySet.schemaText));
  const { compiled } = policySet;
  // No more than this one question needs: the reference engine reads all entities at every call.
  const shared = createEntitySnapshot(sharedEntities);
  const request = () => ({
    principal: { type: 'Person', id: trader },
    action: { type: 'Action', id: 'order:create' },
    resource: orderEntity.uid,
    context: {
      client: 'bench',
      institution: firm,
      audience: 'https://venue.example',
      scopes: ['order:create'],
      actorDepth: 1,
      mandateStands: true,
    },
    entities: shared.with([orderEntity]),
  });
  return [
    timed('compiled policies alone', pace, async () => {
      const { decision, determining } = decideFailClosed(compiled, request());
      expectPermit(decision === 'allow', determining);
    }),
    timed('Cedar reference engine (WebAssembly)', pace, async () => {
      const { decision, determining } = reference.evaluate(request());
      expectPermit(decision === 'allow', determining);
    }),
  ];
}

function expectPermit(permitted: boolean, determining: readonly string[]): void {
  if (!permitted || determining.length !== 1 || determining[0] !== 'trader-places-ordinary-order')
    throw new Error(
      `the order must be permitted by trader-places-ordinary-order alone, not by: ${determining.join(', ')}`,
    );
}

/** Repeats work for some seconds and counts. The engine's door is asynchronous, so all of them are asked that way. */
function timed(name: string, { warmUpSeconds }: Pace, work: () => Promise<void>): Contender {
  const round = async (seconds: number) => {
    const began = performance.now();
    const cpuBefore = process.cpuUsage();
    let operations = 0;
    let elapsed = 0;
    do {
      for (let part = 0; part < 20; part++) await work();
      operations += 20;
      elapsed = (performance.now() - began) / 1000;
    } while (elapsed < seconds);
    const { user, system } = process.cpuUsage(cpuBefore);
    return roundOf({ operations, seconds: elapsed, cpuUs: user + system });
  };
  return {
    name,
    async warmUp() {
      await round(warmUpSeconds);
    },
    round,
  };
}

function orderDecision(): DecisionInput {
  const mandate = { id: newId('mandate', ids), version: 1 };
  const intent = {
    type: 'urn:countersign:rar:v1:trade_order',
    entity_lei: firm,
    mandate_id: mandate.id,
    idempotency_key: 'bench-1',
    not_after: '2030-01-01T00:00:00Z',
    jurisdiction: 'DE',
    account: 'BENCH-1',
    instrument: { isin: 'DE000EXMPL17', cfi: 'DBFTFB' },
    venue_mic: 'XEUR',
    side: 'BUY',
    max_qty: '100',
    max_notional: { amount: '900000', ccy: 'EUR' },
    tif: 'DAY',
    capacity: 'AOTC',
    parties: [],
    client_order_id: 'BENCH-1',
  };
  return {
    principal: trader,
    action: 'order:create',
    resource: {
      type: 'transaction',
      facts: {
        id: newId('transaction', ids),
        state: 'intended',
        version: 0,
        intentType: intent.type,
        intent,
        intentDigest: intentDigestOf(intent),
        initiator: trader,
        initiatorInstitution: firm,
        mandate,
        approvals: [],
      },
    },
    context: {
      client: 'bench',
      institution: firm,
      at: Date.now(),
      scopes: ['order:create'],
      audience: 'https://venue.example',
      actorDepth: 1,
      mandateStands: true,
    },
  };
}

const uid = (type: string, id: string) => ({ type, id });
const reference = (type: string, id: string) => ({ __entity: { type, id } });

const sharedEntities: readonly EntityInput[] = [
  { uid: uid('Institution', firm), attrs: { country: 'DE', leiStatus: 'ISSUED' }, parents: [] },
  {
    uid: uid('Person', trader),
    attrs: { institution: reference('Institution', firm), roles: ['trader'] },
    parents: [uid('Institution', firm)],
  },
];
const orderEntity: EntityInput = {
  uid: uid('Transaction', 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3'),
  attrs: {
    intentType: 'urn:countersign:rar:v1:trade_order',
    state: 'intended',
    initiatorInstitution: reference('Institution', firm),
    notional: { __extn: { fn: 'decimal', arg: '900000.0' } },
    currency: 'EUR',
    instrumentClass: 'DBFTFB',
    algorithmic: false,
    supervisorApprovals: 0,
  },
  parents: [],
};
