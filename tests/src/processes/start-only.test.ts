import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countersign, endAll, type ServerProcess, startServer } from '../testing/command.ts';
import { type PreparedSplit, prepareSplit } from '../testing/prepared-split.ts';
import { scratchFolder } from '../testing/scratch-folder.ts';

const folder = scratchFolder();
let installation: PreparedSplit;
let deciding: ServerProcess;
let facing: ServerProcess;

beforeAll(async () => {
  installation = await prepareSplit(folder.path);
  const { processes } = installation;
  [facing, deciding] = await Promise.all([
    startServer(['--config', processes, '--only', 'edge,egress']),
    startServer(['--config', processes, '--only', 'core,evidence,certificate-authority,secrets']),
  ]);
}, 120_000);
afterAll(async () => {
  await endAll();
  await installation?.stop();
  folder.remove();
}, 60_000);

describe('countersign start --only', () => {
  it('runs several groups in one process, and reports that it holds the keys of all of them', async () => {
    await expect
      .poll(() => deciding.said())
      .toContain('holds the keys and database roles of secrets, certificate-authority, core, evidence together.');
    await expect
      .poll(() => facing.said())
      .toMatch(/keys and database roles of edge, egress together, and may connect to any address/);
    for (const [server, names] of [
      [deciding, ['core', 'evidence', 'certificate-authority', 'secrets']],
      [facing, ['edge', 'egress']],
    ] as const)
      for (const name of names)
        await expect.poll(() => server.said()).toMatch(new RegExp(`^${name} ready after `, 'm'));
  });

  it('serves clients over both of them', async () => {
    await installation.untilReady();
    const keys = await countersign(['--data', installation.configuration.dataFolder, 'key', 'list']);
    expect(keys.stderr).toBe('');
    for (const purpose of ['access-token', 'mandate', 'log-checkpoint', 'security-event'])
      expect(keys.stdout).toContain(purpose);
  });

  it('stops everything when one of its groups cannot start', async () => {
    // Its ports are in use by the running process.
    const { code, stderr } = await countersign([
      'start',
      '--config',
      installation.processes,
      '--only',
      'core,evidence',
    ]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('address_in_use');
  });

  it('stops all of them on a signal', async () => {
    expect(await facing.end('SIGTERM')).toBe(0);
    expect(await deciding.end('SIGTERM')).toBe(0);
  });
});
