import { digestOf, newId, systemClock, systemRandom } from '@countersign/kernel';
import type { AuthenticationResponse } from '@countersign/webauthn/software-authenticator';
import type pg from 'pg';
import { measured } from '../http-contender.ts';
import { performAll } from '../http-load.ts';
import type { InProcess } from '../in-process.ts';
import {
  type Contender,
  type Counted,
  measureInTurn,
  oneAfterTheOther,
  partOf,
  type Result,
  type Round,
  roundOf,
  together,
} from '../measure.ts';
import type { Pace } from '../pace.ts';
import { performed } from '../performed.ts';
import { descendantsCpuUs } from '../process-tree-cpu.ts';
import {
  type BareHolder,
  bareHolders,
  bareKey,
  challenge,
  insertRow,
  startBareSignIn,
  verifiesBarely,
} from '../sign-ins/bare-sign-in.ts';
import { type KeyHolder, prepareSignIns } from '../sign-ins/key-holder.ts';
import { type NothingLost, requireNothingLost } from '../sign-ins/nothing-lost.ts';
import { type SignInSite, signInOrigin, startSignInSite } from '../sign-ins/sign-in-site.ts';
import { type SignInServer, signInSteps } from '../sign-ins/sign-in-steps.ts';
import { verifiers } from '../sign-ins/verifiers.ts';
import type { Starter } from '../starter.ts';

export interface SignInResults {
  /** Ours, then the floors, then the peer. */
  readonly signIns: readonly Result[];
  /** Of ours and of the first floor, which have the same steps. */
  readonly steps: readonly { readonly name: string; readonly results: readonly Result[] }[];
  readonly statements: readonly Result[];
  readonly nothingLost: NothingLost;
}

/** A round as a whole, and its steps where there are any. */
interface CeremonyTurn {
  readonly total: Round;
  readonly steps: readonly Round[];
}

const stepNames = ['begun, and the page opened', 'the answer of the key: verified, recorded, a session'] as const;

/**
 * Sign-ins with security keys from the page to the session, and statements that people sign with them, beside what cannot
 * be done for less: the signature verified by `node:crypto`, alone and with HTTP and one durable row around it; and beside
 * the library that most use. All people take a step before any takes the next; what their keys do is not measured. In the
 * end so many sign in under load, and it is counted whether everything is there.
 *
 * @throws CodedError `benchmark_lost` when a session, a record or a count is missing, or too much
 */
export async function measureSignIns(options: {
  readonly inProcess: Pick<InProcess, 'scratch' | 'logger'>;
  readonly pace: Pace;
  readonly started: Starter;
  readonly onProgress: (message: string) => void;
}): Promise<SignInResults> {
  const { inProcess, pace, started } = options;
  const say = (message: string): void => options.onProgress(`sign-ins: ${message}`);
  const { people, rounds, seconds, ceremonies } = pace.signIns;
  const site = await startSignInSite({ inProcess, people, started, onProgress: say });
  const holders = bareHolders(signInOrigin, people);
  const [first] = holders;
  if (first === undefined) throw new Error('a benchmark of sign-ins without people');
  const { floorPool } = site;
  const bare = await started(
    startBareSignIn({ pool: floorPool, holders, origin: signInOrigin, logger: inProcess.logger }),
  );
  const settle = async (): Promise<void> => void (await site.terms.settle());
  const [signature, library] = verifiers(first, signInOrigin, pace);
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
    say,
  );
  const statements = await measureInTurn(
    [
      inBatches({ name: 'Countersign', pace, settle, batch: () => statementBatch(site, pace) }),
      inBatches({
        name: 'floor: a verification, a durable row',
        pace,
        batch: () => bareStatementBatch(floorPool, holders, pace),
      }),
      lone(signature),
      lone(library),
    ],
    { rounds, seconds },
    (message) => say(`statements: ${message}`),
  );
  say(`${ceremonies} under load`);
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

/** A batch in which everybody does it once, again and again until a round is over. */
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
    // By the time that is measured: keys sign beside it.
    for (let measuredSeconds = 0; measuredSeconds < seconds; ) {
      const steps = await batch();
      done.push(steps);
      measuredSeconds += steps.reduce((sum, step) => sum + step.seconds, 0);
    }
    await settle();
    const steps = done[0]?.map((_, step) => roundOf(together(done.flatMap((each) => each[step] ?? [])))) ?? [];
    return { total: roundOf(together(done.map(oneAfterTheOther))), steps: steps.length > 1 ? steps : [] };
  }
  return {
    name,
    async warmUp() {
      await round(pace.warmUpSeconds);
    },
    round,
  };
}

/** Server and client share this process; the floor pays for the client as well. */
const thisProcess = {
  async cpuUs() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  databaseCpuUs: () => descendantsCpuUs(process.pid),
};

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

/** A statement of the shape of an approval is asked for, signed, and taken. */
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
    authenticators.take({ handle, person, credential }),
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

/** As the page of an approval has it signed. */
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
