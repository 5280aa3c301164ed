import { digestOf, newId, systemClock, systemRandom } from '@countersign/kernel';
import type { AuthenticationResponse } from '@countersign/webauthn/software-authenticator';
import type pg from 'pg';
import { measured, thisProcess } from '../http-contender.ts';
import { performAll } from '../http-load.ts';
import type { InProcess } from '../in-process.ts';
import { performed } from '../in-process-work.ts';
import { pick } from '../machine-clients.ts';
import {
  allCpu,
  type Contender,
  type Counted,
  figure,
  measureInTurn,
  oneAfterTheOther,
  partOf,
  type Result,
  type Round,
  ratio,
  roundOf,
  together,
} from '../measure.ts';
import type { Pace } from '../pace.ts';
import {
  type BareHolder,
  bareHolders,
  bareKey,
  challenge,
  insertRow,
  startBareSignIn,
  verifiers,
  verifiesBarely,
} from '../sign-ins/bare-sign-in.ts';
import { type NothingLost, requireNothingLost } from '../sign-ins/nothing-lost.ts';
import { type SignInSite, signInOrigin, startSignInSite } from '../sign-ins/sign-in-site.ts';
import { type KeyHolder, prepareSignIns, type SignInServer, signInSteps } from '../sign-ins/sign-in-steps.ts';
import { about } from '../starter.ts';
import { cpu, latency, number, rate, section, table, times } from '../table.ts';
import type { InProcessOptions } from './suite.ts';

export interface SignInResults {
  readonly signIns: readonly Result[];
  /** Of ours and of the first floor, which have the same steps. */
  readonly steps: readonly { readonly name: string; readonly results: readonly Result[] }[];
  readonly statements: readonly Result[];
  readonly nothingLost: NothingLost;
}

/** A round and its steps, if any. */
interface CeremonyTurn {
  readonly total: Round;
  readonly steps: readonly Round[];
}

const stepNames = ['started, and the page opened', 'the answer of the key: verified, recorded, a session'] as const;

/**
 * Sign-ins with security keys from the page to the session, and signed statements, compared with the floors (the signature
 * verified by `node:crypto`, alone and with HTTP and one durable row) and with the most used library. All people take a step
 * before any takes the next; the work of their keys is not measured. Finally, sign-ins under load are counted.
 *
 * @throws CodedError `benchmark_lost` if a session, a record or a counter is wrong
 */
export async function measureSignIns(
  run: Pick<InProcessOptions, 'pace' | 'started' | 'onProgress'> & {
    readonly inProcess: Pick<InProcess, 'scratch' | 'logger'>;
  },
): Promise<SignInResults> {
  const { inProcess, pace, started } = run;
  const onProgress = about('sign-ins', run.onProgress);
  const { people, rounds, seconds, ceremonies } = pace.signIns;
  const site = await startSignInSite(people, { ...run, onProgress });
  const holders = bareHolders(signInOrigin, people);
  const { floorPool: pool } = site;
  const bare = await started(startBareSignIn({ pool, logger: inProcess.logger }, holders, signInOrigin));
  const settle = async (): Promise<void> => void (await site.terms.settle());
  const [signature, library] = verifiers(pick(holders, 0), signInOrigin, pace);
  const lone = (contender: Contender): Contender<CeremonyTurn> => ({
    ...contender,
    round: async (length) => ({ total: await contender.round(length), steps: [] }),
  });
  const signIns = await measureInTurn(
    [
      inBatches({ name: site.server.name, pace, settle, batch: () => signInBatch(site.server, site.people, pace) }),
      inBatches({ name: bare.server.name, pace, batch: () => signInBatch(bare.server, holders, pace) }),
      lone(signature),
      lone(library),
    ],
    { rounds, seconds },
    onProgress,
  );
  const statements = await measureInTurn(
    [
      inBatches({ name: 'Countersign', pace, settle, batch: () => statementBatch(site, pace) }),
      inBatches({
        name: 'floor: a verification, a durable row',
        pace,
        batch: () => bareStatementBatch(pool, holders, pace),
      }),
      lone(signature),
      lone(library),
    ],
    { rounds, seconds },
    about('statements', onProgress),
  );
  onProgress(`${ceremonies} under load`);
  const nothingLost = await requireNothingLost(site, { ceremonies, connections: pace.connections });
  return {
    signIns: partOf(signIns, ({ total }) => total),
    steps: stepNames.map((name, step) => ({
      name,
      results: signIns.slice(0, 2).map((result) => ({
        name: result.name,
        rounds: result.rounds.flatMap(({ steps }) => steps[step] ?? []),
      })),
    })),
    statements: partOf(statements, ({ total }) => total),
    nothingLost,
  };
}

/** Repeats a batch, in which every person does it once, until the round is over. */
function inBatches({
  name,
  pace,
  batch,
  settle = async () => undefined,
}: {
  readonly name: string;
  readonly pace: Pick<Pace, 'warmUpSeconds'>;
  readonly batch: () => Promise<readonly Counted[]>;
  readonly settle?: () => Promise<void>;
}): Contender<CeremonyTurn> {
  async function round(seconds: number): Promise<CeremonyTurn> {
    const done: (readonly Counted[])[] = [];
    // Only the measured time counts: keys sign in between.
    for (let measuredSeconds = 0; measuredSeconds < seconds; ) {
      const steps = await batch();
      done.push(steps);
      measuredSeconds += steps.reduce((sum, step) => sum + step.seconds, 0);
    }
    await settle();
    const steps = done[0]?.map((_, step) => roundOf(together(done.flatMap((each) => each[step] ?? [])))) ?? [];
    return { total: roundOf(together(done.map(oneAfterTheOther))), steps: steps.length > 1 ? steps : [] };
  }
  return { name, warmUp: () => round(pace.warmUpSeconds), round };
}

async function signInBatch(
  server: SignInServer,
  people: readonly KeyHolder[],
  { connections }: Pace,
): Promise<readonly Counted[]> {
  const { name, url } = server;
  const steps = signInSteps(server);
  const items = prepareSignIns(people);
  const take = (perform: (typeof steps)['open']): Promise<Counted> =>
    measured(thisProcess, () => performAll({ name, url, connections, items, perform }));
  const opened = await take(steps.open);
  for (const ceremony of items) steps.sign(ceremony);
  return [opened, await take(steps.answer)];
}

/** A statement like that of an approval is requested, signed, and consumed. */
async function statementBatch(
  { authentication: { authenticators }, people }: SignInSite,
  { connections }: Pace,
): Promise<readonly Counted[]> {
  const items: Asked[] = people.map((holder) => ({ holder }));
  const asked = await performed(connections, items, async (item) => {
    const { person } = item.holder;
    item.asked = await authenticators.ask({ person, claims: approvalBy(person) });
  });
  for (const item of items) item.credential = item.holder.key.get(item.asked?.options);
  const taken = await performed(connections, items, ({ holder: { person }, asked: { handle } = {}, credential }) =>
    authenticators.consume({ handle, person, credential }),
  );
  return [asked, taken];
}

interface Asked {
  readonly holder: KeyHolder;
  asked?: { readonly handle: string; readonly options: unknown };
  credential?: AuthenticationResponse;
}

async function bareStatementBatch(
  pool: pg.Pool,
  holders: readonly BareHolder[],
  { connections }: Pace,
): Promise<readonly Counted[]> {
  const rpId = new URL(signInOrigin).hostname;
  const items = holders.map((holder) => ({
    key: bareKey(holder),
    credential: holder.key.get({ challenge: challenge(), rpId, allowCredentials: [] }),
  }));
  return [
    await performed(connections, items, async ({ key, credential }) => {
      if (!verifiesBarely(credential, key)) throw new Error('a signature that does not verify');
      await insertRow(pool);
    }),
  ];
}

const intent = digestOf({ benchmark: true });

function approvalBy(iss: KeyHolder['person']) {
  const from = { clock: systemClock, random: systemRandom };
  const iat = Math.floor(systemClock.now() / 1000);
  const jti = newId('approval', from);
  const txn = newId('transaction', from);
  return {
    ...{ typ: 'countersign-approval+webauthn', iss, iat, exp: iat + 300, jti },
    ...{ txn, intent_digest: intent, decision: 'approve' },
  };
}

/** Sign-ins and signed statements compared with the floors, and the sign-ins under load. */
export function signInSections(
  { signIns, steps, statements, nothingLost }: SignInResults,
  { connections }: Pace,
): readonly string[] {
  const { ceremonies } = nothingLost;
  return [
    besideFloors(
      `Sign-ins with a security key, from the page to the session, ${connections} connections`,
      signIns,
      'sign-ins',
    ),
    table('Their steps: CPU of process and PostgreSQL together, µs', [
      ['', 'p50 ms', 'p99 ms', 'CPU µs', 'floor µs', 'ours is'],
      ...steps.map(({ name, results: [ours, floor] }) => [
        name,
        number(ours && figure(ours, 'p50Ms'), 2),
        number(ours && figure(ours, 'p99Ms'), 2),
        number(ours && figure(allCpu(ours), 'cpuUs'), 0),
        number(floor && figure(allCpu(floor), 'cpuUs'), 0),
        times(ours && floor && ratio(allCpu(ours), allCpu(floor), 'cpuUs')),
      ]),
    ]),
    besideFloors(
      `Signed statements (approvals): asked for, signed, verified, ${connections} at once`,
      statements,
      'statements',
    ),
    [
      `${number(ceremonies, 0)} sign-ins, ${nothingLost.connections} at once, in ${nothingLost.seconds.toFixed(1)} s: nothing lost`,
      `  ${number(ceremonies, 0)} sessions, each of the right person and with one record; every count of a key is the newest`,
    ].join('\n'),
  ];
}

function besideFloors(title: string, results: readonly Result[], what: string): string {
  const said = section(title, results, [rate('a second'), ...latency, ...cpu('process CPU µs')]);
  const [ours, ...others] = results;
  if (ours === undefined) return said;
  const all = allCpu(ours);
  const each = figure(all, 'cpuUs');
  return [
    said,
    `  ${number(each === undefined ? undefined : 1e6 / each, 0)} ${what} a second and core, PostgreSQL included`,
    ...others.map((other) => `  ${times(ratio(all, allCpu(other), 'cpuUs'))} all CPU of the ${other.name}`),
  ].join('\n');
}
