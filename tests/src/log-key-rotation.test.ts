import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { countersign } from './testing/command.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

const folder = scratchFolder();
let ahead = 0;
const clock = { now: () => Date.now() + ahead };
let controlPlane: RunningControlPlane;
/** What an auditor has kept since before the rotation. */
let oldKey: string;
const held = join(folder.path, 'held-checkpoint');

const text = async (path: string): Promise<string> => (await fetch(`${controlPlane.issuer}${path}`)).text();
const publishedKey = async (): Promise<string> => (await text('/log/verifier-key')).trim();
/** As a process whose clock is ahead as far as that of the server. */
const command = (...args: readonly string[]) => {
  const script = `const now = Date.now.bind(Date); Date.now = () => now() + ${ahead};`;
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
  return countersign(['--data', folder.path, ...args], { env });
};

beforeAll(async () => {
  const configuration = await configurationIn(folder.path);
  controlPlane = await runControlPlane(
    { ...configuration, keys: { ...configuration.keys, logKeyLeadHours: 0 } },
    { clock },
  );
  oldKey = await publishedKey();
  writeFileSync(held, await text('/log/checkpoint'));
}, 120_000);
afterAll(async () => {
  await controlPlane?.stop();
  folder.remove();
});

describe('the key of the log, rotated while the server runs', () => {
  it('is published first, and takes over in the log', async () => {
    const rotate = { method: 'POST', path: '/keys/log-checkpoint/rotate', body: {} } as const;
    const successor = await controlPlane.operator.call('keys', 'key:rotate', rotate);
    expect(successor).toMatchObject({ purpose: 'log-checkpoint', state: 'published', algorithm: 'EdDSA' });
    // Asked again, it is the same key.
    expect(await controlPlane.operator.call('keys', 'key:rotate', rotate)).toEqual(successor);
    expect(await publishedKey()).toBe(oldKey);
    ahead += 301_000;
    await vi.waitFor(async () => expect(await publishedKey()).not.toBe(oldKey), { timeout: 60_000, interval: 200 });
    const [rotated, ...more] = await controlPlane.operator.records({ type: 'log.key-rotated' });
    expect(more).toEqual([]);
    expect(rotated?.data).toMatchObject({ from: oldKey, to: await publishedKey() });
    const published = await controlPlane.operator.records({ type: 'key.published' });
    expect(rotated?.references).toEqual([
      published.find(({ data }) => (data as { purpose: string }).purpose === 'log-checkpoint')?.id,
    ]);
    await vi.waitFor(async () => expect(JSON.parse(await text('/log/keys.json'))).toMatchObject({ handovers: [{}] }), {
      timeout: 60_000,
      interval: 200,
    });
  });

  it('is followed from the old key by verify, fsck and mirror', async () => {
    const verified = await command('log', 'verify', '--log-key', oldKey);
    expect(verified).toMatchObject({ code: 0 });
    expect(verified.stdout).toContain('another key took over at');
    const mirrored = join(folder.path, 'mirror');
    for (const outcome of [
      await command('log', 'fsck', '--log-key', oldKey, '--earlier', held),
      await command('log', 'mirror', '--folder', mirrored, '--log-key', oldKey),
      await command('log', 'fsck', '--folder', mirrored, '--log-key', oldKey),
      await command('log', 'fsck', '--folder', mirrored, '--log-key', await publishedKey(), '--earlier', held),
    ])
      expect(outcome).toMatchObject({ code: 0 });

    // A copy whose handover was exchanged is worth nothing to a reader of the old key.
    const keys = join(mirrored, 'keys.json');
    const document = JSON.parse(readFileSync(keys, 'utf8')) as { handovers: { checkpoint: string }[] };
    const [handover] = document.handovers;
    if (handover === undefined) throw new Error('there is a handover');
    const lines = handover.checkpoint.split('\n');
    const unsigned = { ...handover, checkpoint: `${lines.slice(0, 5).join('\n')}\n` };
    writeFileSync(keys, JSON.stringify({ ...document, handovers: [unsigned] }));
    const forged = await command('log', 'fsck', '--folder', mirrored, '--log-key', oldKey);
    expect(forged.code).not.toBe(0);
    expect(forged.stdout).toContain('checkpoint_unverified');
    writeFileSync(keys, JSON.stringify({ ...document, handovers: [] }));
    expect((await command('log', 'fsck', '--folder', mirrored, '--log-key', oldKey)).code).not.toBe(0);
  });

  it('is known after a restart', async () => {
    const newKey = await publishedKey();
    await controlPlane.stop();
    controlPlane = await runControlPlane(await configurationIn(folder.path), { clock });
    expect(await publishedKey()).toBe(newKey);
    expect(await command('log', 'verify', '--log-key', oldKey)).toMatchObject({ code: 0 });
  });
});
