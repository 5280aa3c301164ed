import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLogMigrations } from '@countersign/audit-log';
import { authorizationServerMigrations } from '@countersign/authorization-server';
import { systemRandom } from '@countersign/kernel';
import { createLogger, createRowSeal, type ScratchDatabase } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ProcessGroup, processGroups } from '../process-groups/groups.ts';
import { deriveGroupKey, type GroupKey, readKeyEncryptionKey } from './key-encryption-key.ts';
import { createKeyRecords } from './key-records.ts';
import { openLogKeys, openTokenKeys } from './keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'key-encryption-key-'));
const installation = randomBytes(32);
const reference = (bytes: Uint8Array): string => {
  const file = join(folder, randomBytes(6).toString('hex'));
  writeFileSync(file, Buffer.from(bytes).toString('base64url'));
  return `file:${file}`;
};
/** The secret of a process of the group, which is not the installation's key. */
const processOf = (group: ProcessGroup) =>
  readKeyEncryptionKey({
    keyEncryptionKey: reference(deriveGroupKey(installation, group)),
    process: {
      ...{ group, listen: { host: '127.0.0.1', port: 7431 }, peers: {} },
      ...{ certificate: 'env:C', key: 'env:K', authorities: 'env:A' },
    },
  });
const whole = () => readKeyEncryptionKey({ keyEncryptionKey: reference(installation) });

afterAll(() => rmSync(folder, { recursive: true }));

describe('the key-encryption key of a group', () => {
  it.each(processGroups)('is the same in a process of %s and in one with every component', (group) => {
    const [inProcess, inWhole] = [processOf(group).ofGroup(group), whole().ofGroup(group)];
    expect(Buffer.from(inProcess.sealing.bytes)).toEqual(Buffer.from(inWhole.sealing.bytes));
    expect(inProcess.derive('row-seal/any')).toEqual(inWhole.derive('row-seal/any'));
    expect(inProcess.sealingOf('eu-1')).toEqual(inWhole.sealingOf('eu-1'));
  });

  it('differs from that of every other group and of the installation, for every derived key', () => {
    const keys = processGroups.map((group) => whole().ofGroup(group));
    const made = keys.flatMap((key) =>
      [key.sealing.bytes, key.derive('entry-seal'), key.derive('row-seal/devices'), key.sealingOf('eu-1').bytes].map(
        (bytes) => Buffer.from(bytes).toString('hex'),
      ),
    );
    expect(new Set([...made, installation.toString('hex')]).size).toBe(made.length + 1);
  });

  it('is unavailable in a process of another group', () => {
    const edge = processOf('edge');
    for (const group of processGroups.filter((other) => other !== 'edge'))
      expect(() => edge.ofGroup(group)).toThrow(`was asked for the key-encryption key of ${group}`);
  });

  it('is refused when it is not 32 bytes', () => {
    const process = { ...{ group: 'edge' as const, listen: { host: '127.0.0.1', port: 7431 }, peers: {} } };
    const references = { certificate: 'env:C', key: 'env:K', authorities: 'env:A' };
    for (const length of [0, 31, 33, 64])
      expect(() =>
        readKeyEncryptionKey({
          keyEncryptionKey: reference(randomBytes(length)),
          process: { ...process, ...references },
        }),
      ).toThrow(expect.objectContaining({ code: expect.stringMatching(/configuration_invalid/) }));
  });

  it('seals rows that no other group can seal', () => {
    const sealOf = (key: GroupKey) => createRowSeal(key.derive('row-seal/policy-engine'));
    const core = sealOf(processOf('core').ofGroup('core'));
    const seal = core.seal('candidate 1', { step: 'proposed' });
    expect(core.holds('candidate 1', { step: 'proposed' }, seal)).toBe(true);
    for (const group of ['edge', 'evidence', 'egress'] as const)
      expect(sealOf(processOf(group).ofGroup(group)).holds('candidate 1', { step: 'proposed' }, seal)).toBe(false);
  });
});

describe('signing keys of one group', () => {
  const clock = fixedClock(Date.parse('2026-11-23T10:00:00Z'));
  const logger = createLogger({ level: 'silent', name: 'test' });
  let database: ScratchDatabase;
  beforeAll(async () => {
    database = await createTestDatabase({ components: [authorizationServerMigrations, auditLogMigrations] });
  });
  afterAll(() => database.drop());

  const parts = (component: string, group: ProcessGroup) => ({
    pool: database.pool(component),
    sealingKey: processOf(group).ofGroup(group).sealing,
    ...{ clock, random: systemRandom, logger },
  });

  it('are opened by processes of the group, and by no other', async () => {
    const records = createKeyRecords({ audit: createMemoryLog(clock), clock, random: systemRandom });
    const tokenKeys = (group: ProcessGroup) =>
      openTokenKeys({
        ...parts('authorization-server', group),
        ...{ rotateEveryDays: 90, records, by: { id: 'service:countersign', institution: '529900OPERATOR000098' } },
      });
    const edge = await tokenKeys('edge');
    const { kid } = await edge.current('access-token');
    await edge.stop();
    await expect(tokenKeys('core')).rejects.toMatchObject({ code: 'keystore_locked' });
    const again = await tokenKeys('edge');
    expect(await again.current('access-token')).toMatchObject({ kid });
    await again.stop();
  });

  it('of evidence, the key of the log, are not opened with the key of any other group', async () => {
    const log = await openLogKeys(parts('audit-log', 'evidence'));
    await log.stop();
    for (const group of ['edge', 'core', 'egress'] as const)
      await expect(openLogKeys(parts('audit-log', group))).rejects.toMatchObject({ code: 'keystore_locked' });
  });
});
