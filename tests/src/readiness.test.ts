import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfiguration } from '@countersign/server';
import { startTestServer, type TestServer } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTestWitness, type TestWitness } from '../../components/audit-log/src/testing/test-witness.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { codeOf } from './testing/refusal.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

// Readiness for load balancers: a node whose log has stopped gets no requests, and gets them again when it continues.

const folder = scratchFolder();
const guard = join(folder.path, 'log-head-of-the-test');
let database: TestServer;
let witnesses: readonly TestWitness[];
let controlPlane: RunningControlPlane;

beforeAll(async () => {
  database = await startTestServer();
  witnesses = await Promise.all(['alpha', 'beta', 'gamma'].map((name) => startTestWitness(name)));
  const policy = join(folder.path, 'witnesses');
  writeFileSync(
    policy,
    `${witnesses.map(({ line }) => line).join('')}group two 2 ${witnesses.map(({ name }) => name).join(' ')}\nquorum two\n`,
  );
  const development = await configurationIn(folder.path, { database: database.connection });
  controlPlane = await runControlPlane(
    readConfiguration({
      ...JSON.parse(JSON.stringify(development)),
      publication: { headGuardFolder: guard, witnesses: { policy: `file:${policy}`, everySeconds: 1 } },
    }),
  );
}, 240_000);
afterAll(async () => {
  await controlPlane?.stop();
  for (const witness of witnesses ?? []) await witness.stop();
  await database?.stop();
  folder.remove();
});

const statusOf = async (path: string): Promise<number> => (await fetch(controlPlane.issuer + path)).status;
/** A token needs a record. */
const issue = () =>
  controlPlane.operator.client.clientCredentials({
    resource: `${controlPlane.issuer}/directory`,
    scope: 'directory:read',
  });
const becomes = (status: number) =>
  vi.waitFor(async () => expect(await statusOf('/readyz')).toBe(status), { timeout: 60_000, interval: 100 });

/** Requests that still arrive are refused, and the process is not restarted, since that would not help. */
async function expectStopped(): Promise<void> {
  await becomes(503);
  expect(await statusOf('/healthz')).toBe(200);
  expect(await codeOf(issue)).toBe('temporarily_unavailable log_inconsistent');
}
async function expectReady(): Promise<void> {
  await becomes(200);
  await issue();
}

describe('the readiness of a node', () => {
  it('is lost while its head guard is gone', { timeout: 180_000 }, async () => {
    await expectReady();
    const [head, kept] = [join(guard, 'head'), join(guard, 'kept')];
    // It is written whenever the log has grown, with the newest checkpoint.
    await vi.waitFor(
      async () => {
        if (existsSync(head)) renameSync(head, kept);
        expect(await statusOf('/readyz')).toBe(503);
      },
      { timeout: 60_000, interval: 100 },
    );
    await expectStopped();
    renameSync(kept, head);
    await expectReady();
  });

  it('is lost while witnesses contradict its log and no quorum agrees', { timeout: 180_000 }, async () => {
    await expectReady();
    for (const witness of witnesses.slice(0, 2))
      witness.misbehave((_request, response) => void response.writeHead(422).end());
    // Witnesses need a new checkpoint to check.
    await issue();
    await expectStopped();
    for (const witness of witnesses) witness.misbehave(undefined);
    await expectReady();
  });

  it('is kept when a single witness contradicts its log while a quorum agrees', { timeout: 180_000 }, async () => {
    await expectReady();
    const [first] = witnesses;
    first?.misbehave((_request, response) => void response.writeHead(422).end());
    const asked = first?.asked.length ?? 0;
    await issue();
    await vi.waitFor(() => expect(first?.asked.length).toBeGreaterThan(asked), { timeout: 60_000, interval: 100 });
    await expectReady();
    first?.misbehave(undefined);
  });
});
