import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerClients } from './testing/differential-clients.ts';
import { startOurSide } from './testing/differential-side.ts';
import { gatherPrey, useWell } from './testing/fuzzing-prey.ts';
import {
  type Attempt,
  authorizationDetails,
  browserRequests,
  clientAssertions,
  dpopProofs,
  type Prey,
  presentedTokens,
  pushedForms,
  requestObjects,
  tokenForms,
} from './testing/fuzzing-requests.ts';
import { createTransport, type Outcome, type Transport } from './testing/fuzzing-transport.ts';
import { createCertificates } from './testing/relying-parties.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

// Hostile requests to a real control plane in this process: each gets an answer in time that is not an internal error, and the
// server is unharmed.

/** Another run with other requests: FUZZING_SEED=7 FUZZING_REQUESTS=5000 */
const seed = Number(process.env['FUZZING_SEED'] ?? 20_261_121);
const perKind = Number(process.env['FUZZING_REQUESTS'] ?? 400);
/** Milliseconds: longer than an answer takes on a very busy machine, so that a slower one is a hang. */
const patience = 60_000;

const folder = scratchFolder();
let running: Awaited<ReturnType<typeof startOurSide>>;
let prey: Prey;
let transport: Transport;

beforeAll(async () => {
  const certificates = createCertificates();
  running = await startOurSide(folder.path, {
    clients: registerClients(certificates),
    certificates,
    requireNonce: false,
  });
  prey = await gatherPrey(running.side, running.trading.firms.people.trader.id);
  transport = createTransport(running.side.issuer, patience);
}, 120_000);
afterAll(async () => {
  transport?.close();
  await running?.stop();
  folder.remove();
});

const kinds: readonly (readonly [string, (from: Prey) => fc.Arbitrary<Attempt>])[] = [
  ['client assertions', clientAssertions],
  ['DPoP proofs', dpopProofs],
  ['request objects', requestObjects],
  ['pushed forms', pushedForms],
  ['authorization_details', authorizationDetails],
  ['token forms', tokenForms],
  ['tokens to introspect, to revoke and to show', presentedTokens],
  ['cookies, addresses and forms of a browser', browserRequests],
];

describe(`any request (seed ${seed}, ${perKind} requests of each kind)`, () => {
  let before = 0;
  beforeAll(async () => {
    // Caches and pools fill once; the test looks for growth with every request.
    for (const [, kind] of kinds) await sendAll(fc.sample(kind(prey), { seed: seed + 1, numRuns: 60 }));
    before = memoryInUse();
  }, 120_000);

  it.each(kinds)('%s: is answered in time, and never with an internal error', { timeout: 120_000 }, async (_, kind) => {
    const outcomes = await sendAll(fc.sample(kind(prey), { seed, numRuns: perKind }));
    expect(outcomes.flatMap(wrongWith)).toEqual([]);
    // Some must get past the first check, or nothing behind it would have been tested.
    expect(new Set(outcomes.map(({ outcome }) => codeOf(outcome))).size).toBeGreaterThan(3);
  });

  it('leaves no memory that grows with the number of requests', () => {
    const grown = memoryInUse() - before;
    expect(grown / (kinds.length * perKind)).toBeLessThan(8_192);
  });

  it('pollutes no prototype', () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as { readonly admin?: unknown }).admin).toBeUndefined();
  });

  it('leaves a working server', async () => {
    expect(await useWell(running.side)).toBe(200);
    const ready = await fetch(`${running.side.issuer}/readyz`);
    expect(ready.status).toBe(200);
  });
});

interface Sent {
  readonly attempt: Attempt;
  readonly outcome: Outcome | Error;
}

/** A few at once, as a hostile client would. */
async function sendAll(attempts: readonly Attempt[]): Promise<readonly Sent[]> {
  const sent: Sent[] = [];
  const left = attempts.values();
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (const attempt of left) sent.push({ attempt, outcome: await outcomeOf(attempt) });
    }),
  );
  return sent;
}

async function outcomeOf(attempt: Attempt): Promise<Outcome | Error> {
  try {
    return await transport.send(attempt);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** The faults of an answer, with its request. */
function wrongWith({ attempt, outcome }: Sent): readonly string[] {
  const request = JSON.stringify(attempt).slice(0, 2_000);
  if (outcome instanceof Error) return [`${outcome.message}: ${request}`];
  const { status, text, milliseconds } = outcome;
  const wrong = [
    ...(status !== undefined && status >= 500 ? [`status ${status} ${text.slice(0, 300)}`] : []),
    ...(milliseconds > patience ? [`${Math.round(milliseconds)} ms`] : []),
    ...(/node_modules|\bat .+\.[jt]s:\d+|SyntaxError|TypeError|RangeError/.test(text) ? ['a trace of our code'] : []),
  ];
  return wrong.map((fault) => `${fault}: ${request}`);
}

/** The error code of the answer, with the violated rule if it names one. */
function codeOf(outcome: Outcome | Error): string {
  if (outcome instanceof Error) return outcome.name;
  const reason = /"(?:reason|code)":"([a-z_]+)"/.exec(outcome.text)?.[1];
  return `${outcome.status ?? 'closed'} ${reason ?? ''}`;
}

/** Bytes still in use after a full garbage collection. */
function memoryInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('this Node.js cannot be asked to collect garbage');
  for (let round = 0; round < 3; round++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
