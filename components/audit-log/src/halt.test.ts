import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isCodedError } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunningAuditLog } from './index.ts';
import { createRig, draft, drafts, type Rig } from './testing/rig.ts';
import { restoreLog, snapshotLog } from './testing/superuser-store.ts';
import { fetchExchange, startTestWitness, type TestWitness } from './testing/test-witness.ts';

let rig: Rig;
let folder: string;
beforeEach(async () => {
  rig = await createRig();
  folder = mkdtempSync(join(tmpdir(), 'halt-'));
});
afterEach(async () => {
  await rig.close();
  rmSync(folder, { recursive: true });
});

const fileOf = (node: string): string => join(folder, node, 'head');
/** A production-like node: it compares and signs periodically. */
const open = (node: string, options: Parameters<Rig['open']>[0] = {}): Promise<RunningAuditLog> =>
  rig.open({ headGuardFolder: join(folder, node), checkpointEveryMs: 20, ...options });
const grow = (log: RunningAuditLog, count: number) => Promise.all(drafts(count).map((one) => log.append(one)));

/** Why the node appends nothing; undefined while it appends. */
async function refusalOf(log: RunningAuditLog): Promise<string | undefined> {
  try {
    await log.append(draft());
    return undefined;
  } catch (error) {
    return isCodedError(error) ? error.code : String(error);
  }
}
/** Nothing more is appended, and the health check gives the same reason. */
async function expectStopped(log: RunningAuditLog, code = 'log_inconsistent'): Promise<void> {
  await vi.waitFor(async () => expect(await refusalOf(log)).toBe(code), { timeout: 60_000, interval: 20 });
  await expect(log.checkHealth()).rejects.toMatchObject({ code });
  await expect(log.append(draft())).rejects.toMatchObject({
    category: 'unavailable',
    detail: expect.stringMatching(/Nothing was recorded\. The service log tells the operator/),
  });
}
const expectGoing = (log: RunningAuditLog): Promise<void> =>
  vi.waitFor(async () => expect(await refusalOf(log)).toBeUndefined(), { timeout: 60_000, interval: 20 });

describe('a node with a head guard', () => {
  it('stops, as every other node does, when the database is restored from an older copy', async () => {
    const nodes = [await open('one'), await open('two')];
    const [one] = nodes;
    if (one === undefined) throw new Error('the test has no node');
    await snapshotLog(rig.scratch.connection, 'older');
    await grow(one, 10);
    for (const node of nodes) await node.checkpoint();
    await snapshotLog(rig.scratch.connection, 'newer');
    await restoreLog(rig.scratch.connection, 'older');
    // Nothing is recorded meanwhile: each node detects it by itself.
    for (const node of nodes) await expectStopped(node);
    // As the operator's instructions say: all nodes are stopped while a newer copy is restored.
    for (const node of nodes) await node.stop();
    await restoreLog(rig.scratch.connection, 'newer');
    const again = await open('one');
    await expectGoing(again);
    expect(await again.verify()).toMatchObject({ ok: true });
  });

  it('stops when the guard is deleted, and continues when it is restored', async () => {
    const log = await open('one');
    await grow(log, 3);
    await log.checkpoint();
    const kept = readFileSync(fileOf('one'));
    rmSync(fileOf('one'));
    await expectStopped(log);
    writeFileSync(fileOf('one'), kept);
    await expectGoing(log);
  });

  it('stops when the guard is replaced by an older one', async () => {
    const log = await open('one');
    await log.checkpoint();
    const older = readFileSync(fileOf('one'));
    await grow(log, 3);
    await log.checkpoint();
    writeFileSync(fileOf('one'), older);
    await expectStopped(log);
  });
});

describe('a node with witnesses', () => {
  let witnesses: readonly [TestWitness, TestWitness, TestWitness];
  beforeEach(async () => {
    witnesses = [await startTestWitness('alpha'), await startTestWitness('beta'), await startTestWitness('gamma')];
  });
  afterEach(async () => {
    for (const witness of witnesses) await witness.stop();
  });
  const policyOf = (quorum: string): string =>
    `${witnesses.map(({ line }) => line).join('')}group G ${quorum} alpha beta gamma\nquorum G\n`;
  const witnessed = (quorum: string, more: Parameters<Rig['open']>[0] = {}) =>
    rig.open({
      checkpointEveryMs: 20,
      witnessing: {
        ...{ policy: policyOf(quorum), exchange: fetchExchange, everyMs: 20, timeoutMs: 30_000 },
        alarmAfterMs: 3_600_000,
      },
      ...more,
    });

  it('stops on every node of a restored database that is behind the witnesses, with or without a guard, and after a restart', async () => {
    const first = await witnessed('2');
    await snapshotLog(rig.scratch.connection, 'older');
    await grow(first, 50);
    await first.checkpoint();
    await first.stop();
    await snapshotLog(rig.scratch.connection, 'newer');
    await restoreLog(rig.scratch.connection, 'older');
    const nodes = [await witnessed('2'), await witnessed('2')];
    for (const node of nodes) await expectStopped(node);
    for (const node of nodes) await node.stop();
    // The answers of witnesses are remembered even when they cannot be reached.
    for (const witness of witnesses) await witness.goAway();
    const again = await witnessed('2');
    expect(await refusalOf(again)).toBe('log_inconsistent');
    await again.stop();
    await restoreLog(rig.scratch.connection, 'newer');
    for (const witness of witnesses) await witness.comeBack();
    await expectGoing(await witnessed('2'));
  });

  it('stops when witnesses find that it does not extend what they cosigned, until a quorum agrees', async () => {
    const log = await witnessed('2');
    await grow(log, 3);
    await log.checkpoint();
    for (const witness of witnesses.slice(0, 2))
      witness.misbehave((_request, response) => void response.writeHead(422).end());
    await log.append(draft()).catch(() => undefined);
    await expectStopped(log);
    for (const witness of witnesses) witness.misbehave(undefined);
    await expectGoing(log);
  });

  it('removes nothing while it is stopped, including removals recorded before', async () => {
    const log = await witnessed('2');
    const subject = 'person:tessa.trader';
    await log.append(
      draft({
        ...{ type: 'session.started', outcome: 'done', data: {} },
        protectedValues: [{ path: '/data/mail', kind: 'personal', subject, value: 'tessa@example.com' }],
      }),
    );
    const keys = (await log.custody.keysOf(subject)).map(({ key }) => key);
    const by = { id: 'person:colin.counsel', institution: '5493001KJTIIGC8Y1R12' };
    const approved = draft({ type: 'erasure.approved', source: 'retention', outcome: 'done', data: { keys } });
    await log.append(approved);
    // Recorded by a process that stopped before removing anything.
    await log.append(
      draft({
        ...{ type: 'erasure.completed', source: 'audit-log', outcome: 'done', subject: by },
        ...{ references: [approved.id], data: { keys, values: 1, as_of: -1 } },
      }),
    );
    await log.checkpoint();
    for (const witness of witnesses.slice(0, 2))
      witness.misbehave((_request, response) => void response.writeHead(422).end());
    await log.append(draft()).catch(() => undefined);
    await expectStopped(log);

    const isThere = async () => (await log.custody.keysOf(subject))[0]?.values === 1;
    await expect(log.custody.settle()).rejects.toMatchObject({ code: 'log_inconsistent' });
    const order = { keys, asOf: 1_000_000n, authority: approved.id, by };
    await expect(log.custody.erase(order)).rejects.toMatchObject({ code: 'log_inconsistent' });
    expect(await isThere()).toBe(true);

    for (const witness of witnesses) witness.misbehave(undefined);
    await expectGoing(log);
    await log.custody.settle();
    expect(await isThere()).toBe(false);
  });

  it('continues while one witness contradicts it and a quorum agrees', async () => {
    const log = await witnessed('2');
    await log.checkpoint();
    witnesses[0].misbehave((_request, response) => void response.writeHead(422).end());
    for (let round = 0; round < 5; round++) {
      await log.append(draft());
      await log.checkpoint();
    }
    expect((await log.search({ type: 'log.witness-alarm' })).length).toBeGreaterThan(0);
    await log.stop();
    // A starting node asks the witnesses again before anything is recorded.
    const next = await witnessed('2');
    expect(await refusalOf(next)).toBeUndefined();
  });

  it('continues while witnesses cannot be reached, for as long as the policy allows', async () => {
    const log = await witnessed('all');
    await log.checkpoint();
    for (const witness of witnesses) await witness.goAway();
    for (let round = 0; round < 5; round++) {
      await grow(log, 3);
      await expect(log.checkpoint()).rejects.toMatchObject({ code: 'log_quorum_missing' });
    }
    expect(await refusalOf(log)).toBeUndefined();
    await log.checkHealth();
  });
});
