import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunningDevices } from '../index.ts';
import { anna, annas, bank, banks, ben, broker, shared } from '../testing/device-directory.ts';
import { createTestKey, reportOf } from '../testing/device-keys.ts';
import { createDeviceWorld, type DeviceWorld, issuer } from '../testing/device-world.ts';

let world: DeviceWorld;
let node: RunningDevices;
beforeAll(async () => {
  world = await createDeviceWorld();
  node = await world.node();
});
afterEach(() => world.audit.repair());
afterAll(() => world.close());

const by = { institution: broker };
const now = () => new Date(world.clock.now()).toISOString();
const failing = (device: string, failed = ['disk_encryption']) => ({
  device,
  posture: 'failing',
  posture_at: now(),
  failed,
});
const well = (device: string) => ({ device, posture: 'compliant', posture_at: now() });
const later = (ms = 1_000) => world.clock.advance(ms);
let takenAt = '';
/** Sends a report issued a second after the previous one, and a second before the next. */
const take = async (...devices: readonly object[]) => {
  later();
  takenAt = now();
  const taken = await node.takeReport(world.report(devices), by);
  later();
  return taken;
};
const changes = () => world.audit.ofType('device.posture-changed').length;
const refusals = () => world.audit.ofType('device.report-refused');

describe('a posture report', () => {
  it('overrides the directory, is recorded, and lists the devices that it does not cover', async () => {
    expect(node.postureOf(annas.id)).toMatchObject({ posture: 'compliant', source: 'directory' });
    const lookedAt = now();
    const taken = await take(failing(annas.id), well(shared.id), well(banks.id), well('device:unheard-of'));
    expect(taken).toEqual({ taken: 2, changed: 1, unknown: [banks.id, 'device:unheard-of'], older: [] });
    expect(node.postureOf(annas.id)).toEqual({
      posture: 'failing',
      postureAt: lookedAt,
      source: 'edr',
      failed: ['disk_encryption'],
    });
    // A feed says nothing about another firm's devices.
    expect(node.postureOf(banks.id)).toMatchObject({ source: 'directory' });
    expect(node.postureOf('device:unheard-of')).toBeUndefined();
    expect(world.audit.ofType('device.posture-changed').map(({ data }) => data)).toMatchObject([
      {
        device: annas.id,
        posture: 'failing',
        was: 'compliant',
        feed: 'edr',
        failed: ['disk_encryption'],
        institution: broker,
      },
    ]);
  });

  it('is recorded again only when something has changed', async () => {
    const before = changes();
    expect(await take(failing(annas.id), well(shared.id))).toMatchObject({ taken: 2, changed: 0 });
    expect(changes()).toBe(before);
    expect(await take(failing(annas.id, ['os_patch_level']))).toMatchObject({ changed: 1 });
    expect(await take(well(annas.id))).toMatchObject({ changed: 1 });
    expect(world.audit.ofType('device.posture-changed').at(-1)?.data).toMatchObject({
      posture: 'compliant',
      was: 'failing',
      failed: [],
    });
  });

  it('is accepted once, and not after a later one', async () => {
    later();
    const early = world.report([failing(annas.id)]);
    later(5);
    const late = world.report([well(annas.id)]);
    await node.takeReport(late, by);
    expect(await codeOf(node.takeReport(late, by))).toBe('posture_report_old');
    expect(await codeOf(node.takeReport(early, by))).toBe('posture_report_old');
    expect(node.postureOf(annas.id)?.posture).toBe('compliant');
  });

  it('is accepted once of any number at once', async () => {
    later();
    const report = world.report([failing(shared.id)]);
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => codeOf(node.takeReport(report, by))));
    expect(outcomes.filter((code) => code === 'nothing was refused')).toHaveLength(1);
    expect(outcomes.filter((code) => code === 'posture_report_old')).toHaveLength(7);
    await take(well(shared.id));
  });

  it('does not replace a newer finding with an older one', async () => {
    await take(well(annas.id));
    const old = { ...failing(annas.id), posture_at: '2026-11-20T00:00:00Z' };
    expect(await take(old, well(shared.id))).toEqual({ taken: 1, changed: 0, unknown: [], older: [annas.id] });
    expect(node.postureOf(annas.id)?.posture).toBe('compliant');
  });

  it('cannot claim a check later than the report itself', async () => {
    await take({ ...well(annas.id), posture_at: '2036-01-01T00:00:00Z' });
    expect(node.postureOf(annas.id)?.postureAt).toBe(takenAt);
  });

  it('gives way to a later report, and to a failing one of the same time', async () => {
    await take(well(annas.id));
    world.directory.put({ ...annas, posture: 'failing', postureAt: takenAt });
    expect(node.postureOf(annas.id)).toMatchObject({ posture: 'failing', source: 'directory' });
    await take(well(annas.id));
    expect(node.postureOf(annas.id)).toMatchObject({ posture: 'compliant', source: 'edr' });
    later();
    world.directory.put({ ...annas, posture: 'failing', postureAt: now() });
    expect(node.postureOf(annas.id)).toMatchObject({ posture: 'failing', source: 'directory' });
    world.directory.put(annas);
  });

  it('says nothing of a device that has moved to another firm', async () => {
    await take(failing(shared.id));
    world.directory.put({ ...shared, institution: banks.institution });
    expect(node.postureOf(shared.id)).toMatchObject({ source: 'directory' });
    world.directory.put(shared);
    expect(node.postureOf(shared.id)).toMatchObject({ posture: 'failing', source: 'edr' });
    await take(well(shared.id));
  });

  it('reaches other nodes, and is known after a restart', async () => {
    const other = await world.node();
    await take(failing(shared.id));
    await expect.poll(() => other.postureOf(shared.id)?.posture, { timeout: 60_000 }).toBe('failing');
    const third = await world.node();
    expect(third.postureOf(shared.id)).toMatchObject({ posture: 'failing', source: 'edr' });
    await take(well(shared.id));
  });

  it('changes nothing when it cannot be recorded, and can be sent again', async () => {
    later();
    const report = world.report([failing(shared.id)]);
    world.audit.breakDown('writing');
    expect(await codeOf(node.takeReport(report, by))).toBe('log_unavailable');
    world.audit.repair();
    expect(node.postureOf(shared.id)?.posture).toBe('compliant');
    expect(await node.takeReport(report, by)).toMatchObject({ changed: 1 });
    await take(well(shared.id));
  });
});

describe('a posture report is refused, and the refusal recorded', () => {
  const claims = (changes: object = {}) => ({
    iss: 'edr',
    aud: issuer,
    iat: world.clock.now() / 1000,
    devices: [failing(shared.id)],
    ...changes,
  });
  const header = { alg: 'ES256', typ: 'countersign-posture+jwt', kid: 'feed-1' };

  it.each<[string, () => string, string]>([
    ['of an unknown feed', () => reportOf(world.feedKey, claims({ iss: 'other' })), 'posture_feed_unknown'],
    [
      'of another institution’s feed',
      () => reportOf(world.feedKey, claims({ iss: 'bank-mdm' })),
      'posture_feed_unknown',
    ],
    ['signed with another key', () => reportOf(createTestKey(), claims()), 'posture_report_invalid'],
    [
      'with a key id of none',
      () => reportOf(world.feedKey, claims(), { ...header, kid: 'x' }),
      'posture_report_invalid',
    ],
    ['of another type', () => reportOf(world.feedKey, claims(), { ...header, typ: 'JWT' }), 'posture_report_invalid'],
    [
      'without an algorithm',
      () => reportOf(world.feedKey, claims(), { ...header, alg: 'none' }),
      'posture_report_invalid',
    ],
    [
      'for another server',
      () => reportOf(world.feedKey, claims({ aud: 'https://elsewhere.example' })),
      'posture_report_invalid',
    ],
    [
      'from the future',
      () => reportOf(world.feedKey, claims({ iat: world.clock.now() / 1000 + 120 })),
      'posture_report_invalid',
    ],
    [
      'of two weeks ago',
      () => reportOf(world.feedKey, claims({ iat: world.clock.now() / 1000 - 14 * 86_400 })),
      'posture_report_old',
    ],
    [
      'that is not yet valid',
      () => reportOf(world.feedKey, claims({ nbf: world.clock.now() / 1000 + 120 })),
      'posture_report_invalid',
    ],
    ['without a time', () => reportOf(world.feedKey, claims({ iat: undefined })), 'posture_report_invalid'],
    ['without devices', () => reportOf(world.feedKey, claims({ devices: [] })), 'posture_report_invalid'],
    [
      'with a device twice',
      () => reportOf(world.feedKey, claims({ devices: [well(shared.id), failing(shared.id)] })),
      'posture_report_invalid',
    ],
    [
      'with an invalid posture',
      () => reportOf(world.feedKey, claims({ devices: [{ ...well(shared.id), posture: 'ok' }] })),
      'posture_report_invalid',
    ],
    [
      'compliant and failing in one',
      () => reportOf(world.feedKey, claims({ devices: [{ ...well(shared.id), failed: ['x'] }] })),
      'posture_report_invalid',
    ],
    [
      'with an invalid time',
      () => reportOf(world.feedKey, claims({ devices: [{ ...well(shared.id), posture_at: 'today' }] })),
      'posture_report_invalid',
    ],
    [
      'with an unknown member',
      () => reportOf(world.feedKey, claims({ devices: [{ ...well(shared.id), x: 1 }] })),
      'posture_report_invalid',
    ],
    [
      'with a name that is no device’s',
      () => reportOf(world.feedKey, claims({ devices: [well('person:anna')] })),
      'posture_report_invalid',
    ],
    [
      'of more than a thousand devices',
      () => reportOf(world.feedKey, claims({ devices: Array.from({ length: 1_001 }, (_, n) => well(`device:d${n}`)) })),
      'posture_report_invalid',
    ],
    ['that is none', () => 'a.b.c', 'posture_report_invalid'],
    ['that is far too long', () => 'x'.repeat(300_000), 'posture_report_invalid'],
  ])('%s', async (_, report, code) => {
    later();
    const before = refusals().length;
    expect(await codeOf(node.takeReport(report(), by))).toBe(code);
    expect(refusals().slice(before)).toMatchObject([{ reason: code, outcome: 'deny' }]);
    expect(node.postureOf(shared.id)?.posture).toBe('compliant');
  });

  it('and is accepted with none of these', async () => {
    later();
    expect(await node.takeReport(reportOf(world.feedKey, claims()), by)).toMatchObject({ taken: 1, changed: 1 });
    await take(well(shared.id));
  });

  it('does not reveal another institution’s feed', async () => {
    later();
    expect(await codeOf(node.takeReport(world.report([well(shared.id)]), { institution: bank }))).toBe(
      'posture_feed_unknown',
    );
    expect(refusals().at(-1)?.data).not.toHaveProperty('feed');
  });
});

describe('a report file', () => {
  it('is read from a folder in name order, once, and a refused one blocks nothing else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'postures-'));
    try {
      const { jwk } = world.feedKey;
      const reading = await world.node({
        feeds: [{ name: 'edr', institution: broker, keys: [{ ...jwk, kid: 'feed-1' }], path: folder }],
        pollSeconds: 3_600,
      });
      later();
      writeFileSync(join(folder, '001.jwt'), world.report([failing(annas.id)]));
      writeFileSync(join(folder, '002.jwt'), 'no report');
      writeFileSync(join(folder, 'notes.txt'), 'not looked at');
      later();
      writeFileSync(join(folder, '003.jwt'), `${world.report([failing(shared.id)])}\n`);
      const before = refusals().length;
      await reading.readFiles();
      expect([annas.id, shared.id].map((id) => reading.postureOf(id)?.posture)).toEqual(['failing', 'failing']);
      expect(refusals().slice(before)).toMatchObject([{ reason: 'posture_report_invalid' }]);
      await reading.readFiles();
      expect(refusals()).toHaveLength(before + 1);

      // After a restart every file is met again: an accepted one is not counted as an attempt.
      const again = await world.node({
        feeds: [{ name: 'edr', institution: broker, keys: [{ ...jwk, kid: 'feed-1' }], path: folder }],
        pollSeconds: 3_600,
      });
      await again.readFiles();
      expect(
        refusals()
          .slice(before)
          .map(({ reason }) => reason),
      ).toEqual(['posture_report_invalid', 'posture_report_invalid']);
      later();
      writeFileSync(join(folder, '003.jwt'), world.report([well(annas.id), well(shared.id)]));
      await reading.readFiles();
      expect(reading.postureOf(annas.id)?.posture).toBe('compliant');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the fitness of a device', () => {
  const recognised = (id: string) => ({ id, by: 'key' }) as const;
  const fit = (id: string | undefined, person = anna.id) =>
    codeOf(node.requireFit(id === undefined ? undefined : recognised(id), person));

  it('requires that it has proved itself, is the person’s own or nobody’s, and is healthy', async () => {
    await take(well(annas.id), well(shared.id));
    expect(await fit(annas.id)).toBe('nothing was refused');
    expect(await fit(shared.id)).toBe('nothing was refused');
    expect(await fit(shared.id, ben.id)).toBe('nothing was refused');
    expect(await fit(undefined)).toBe('device_required');
    expect(await fit(annas.id, ben.id)).toBe('device_not_yours');
    expect(await fit(banks.id)).toBe('device_not_yours');
    expect(await fit('device:unheard-of')).toBe('device_unknown');
  });

  it('ends with a failing report, and names what failed', async () => {
    await take(failing(annas.id));
    await expect(node.requireFit(recognised(annas.id), anna.id)).rejects.toThrow(/disk_encryption/);
    expect(await fit(annas.id)).toBe('device_failing');
    await take(well(annas.id));
    expect(await fit(annas.id)).toBe('nothing was refused');
  });

  it('decays: a device not checked for a week is stale', async () => {
    await take(well(annas.id));
    later(7 * 86_400_000 - 2_000);
    expect(await fit(annas.id)).toBe('nothing was refused');
    later(1);
    expect(await fit(annas.id)).toBe('device_stale');
    expect(
      await codeOf((await world.node({ maxPostureAgeHours: 400 })).requireFit(recognised(annas.id), anna.id)),
    ).toBe('nothing was refused');
  });
});
