import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFailed, vi } from 'vitest';
import { openTrading, type Trading } from '../testing/trading.ts';
import { type RequestLoad, startRequestLoad } from './testing/request-load.ts';
import {
  type Group,
  groups,
  type Node,
  type SplitInstallation,
  startSplitInstallation,
} from './testing/split-installation.ts';

// Four processes, as they are compiled and started, and clients that never stop asking: whichever process dies or stands
// still, and whichever network fails, nothing is released without its record, no record is lost, nobody is told of a fault
// of ours, and all goes on by itself.

let installation: SplitInstallation;
let trading: Trading;
let mandate: Awaited<ReturnType<Trading['grantMandates']>>['mandate'];
let load: RequestLoad;

beforeAll(async () => {
  installation = await startSplitInstallation({ proxied: true });
  trading = await openTrading(installation);
  ({ mandate } = await trading.grantMandates());
}, 300_000);
afterAll(async () => {
  await trading?.stop();
  await installation?.stop();
}, 120_000);
beforeEach(() => {
  onTestFailed(() => void process.stderr.write(installation.explain()));
  load = startRequestLoad({ issuer: installation.issuer, trading, mandate, tokenClients: 3 });
});
afterEach(() => load.stop());

const recoverMs = 90_000;
const before = { tokens: 10, orders: 3 };
const afterwards = { tokens: 10, orders: 3 };

/** No release without a record, no acknowledged record lost, no answer that is none of ours. */
async function expectNothingLost(faulty: Group | undefined): Promise<void> {
  await load.stop();
  const answers = load.exchanges.map(({ verdict }) => verdict);
  const refused = answers.filter((verdict) => !verdict.startsWith('200'));
  // Whom clients reach is edge: while it is gone they reach nobody, and while it stands still it answers nobody.
  const allowed = faulty === 'edge' ? /^(?:503 \S+.*|nobody)$/ : /^503 \S+/;
  expect(refused.filter((verdict) => !allowed.test(verdict))).toEqual([]);
  const longest = Math.max(...load.exchanges.map(({ seconds }) => seconds));
  expect(longest).toBeLessThan(30);

  const records = new Set((await installation.operator.records()).map(({ id }) => String(id)));
  expect([...load.acknowledged].filter((id) => !records.has(id))).toEqual([]);
  const { stdout, stderr } = await installation.verifyLog();
  expect(stdout + stderr).toContain('entries hash to the signed root');
  for (const node of installation.nodes) expect(node.said()).not.toContain('by a fault of ours');
}

async function untilReady(): Promise<void> {
  await vi.waitFor(
    async () => {
      for (const node of installation.nodes) expect(await node.isReady(), node.group).toBe(true);
    },
    { timeout: recoverMs, interval: 100 },
  );
}

const nodeOf = (group: Group): Node => {
  const [node] = installation.nodesOf(group);
  if (node === undefined) throw new Error(`no process of ${group}`);
  return node;
};

describe('a process of a split installation that is killed under load', () => {
  it.each(groups)(
    'of %s: nothing is lost, and after its start all goes on',
    async (group) => {
      await load.untilDone(before, recoverMs);
      await nodeOf(group).kill();
      await sleep(2_000);
      await nodeOf(group).start();
      await load.untilDone(afterwards, recoverMs);
      await untilReady();
      await expectNothingLost(group);
    },
    400_000,
  );
});

describe('a process of a split installation that stands still under load', () => {
  it.each(groups)(
    'of %s: nothing is lost, and afterwards all goes on',
    async (group) => {
      await load.untilDone(before, recoverMs);
      nodeOf(group).pause();
      await sleep(7_000);
      nodeOf(group).resume();
      await load.untilDone(afterwards, recoverMs);
      await untilReady();
      await expectNothingLost(group);
    },
    400_000,
  );
});

const pairs: readonly (readonly [Group, Group])[] = [
  ['edge', 'core'],
  ['edge', 'evidence'],
  ['edge', 'egress'],
  ['core', 'evidence'],
  ['egress', 'core'],
  ['egress', 'evidence'],
];

describe('a network that fails under load', () => {
  it.each(pairs)(
    'between %s and %s: nothing is lost, and afterwards all goes on',
    async (one, other) => {
      const networks = [...installation.network(one, other), ...installation.network(other, one)];
      await load.untilDone(before, recoverMs);
      for (const network of networks) await network.refuse();
      await sleep(2_000);
      for (const network of networks) await network.restore();
      await load.untilDone(afterwards, recoverMs);
      // What is asked arrives, and nobody hears of the answer.
      for (const network of networks) network.loseAnswers();
      await sleep(2_000);
      for (const network of networks) await network.restore();
      await load.untilDone(afterwards, recoverMs);
      await untilReady();
      await expectNothingLost(undefined);
    },
    400_000,
  );
});
