import { type RecordDraft, standing } from '@countersign/contracts';
import { codeOf } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningDevices } from './index.ts';
import { anna, annas, broker, shared } from './testing/device-directory.ts';
import { createTestKey, newKeyField, proofField, type TestKey } from './testing/device-keys.ts';
import { createDeviceWorld, type DeviceWorld, manager } from './testing/device-world.ts';

const certificate = Buffer.alloc(32, 7).toString('base64url');
let world: DeviceWorld;
let node: RunningDevices;
let other: RunningDevices;

beforeEach(async () => {
  world = await createDeviceWorld();
  node = await world.node();
  other = await world.node();
});
afterEach(() => world.close());

const idsOf = (type: RecordDraft['type']) => world.audit.ofType(type).map(({ id }) => id);
const codeIn = (path: string) => path.slice('/device/'.length);
async function interrupted(type: RecordDraft['type'], act: () => Promise<unknown>) {
  world.dieAfter(type);
  await expect(act()).rejects.toThrow('the process died');
}
const open = async (device = annas.id) => codeIn((await node.enrolment.open(device, manager)).path);
async function fieldFor(key: TestKey, code: string) {
  return newKeyField(key, (await node.enrolment.show(code)).challenge);
}
const recognised = (key: TestKey, on = other) =>
  on.recognise({ about: 'sign-in', proof: proofField(key, annas.id, on.challenge('sign-in')) });
const byCertificate = () => other.recognise({ about: 'sign-in', certificateThumbprint: certificate });

describe('a process that dies between the record of a device and its row', () => {
  it('leaves a browser enrolled: it is recognised by the enrolled key', async () => {
    const key = createTestKey();
    const code = await open();
    const field = await fieldFor(key, code);
    await interrupted('device.enrolled', () => node.enrolment.register(code, field));
    expect(await recognised(key)).toEqual({ id: annas.id, by: 'key' });
    expect(await codeOf(other.enrolment.register(code, field))).toBe('enrolment_unknown');
    expect(idsOf('device.enrolled')).toHaveLength(1);
  });

  it('answers the browser that repeats it, and nobody else with the link', async () => {
    const key = createTestKey();
    const code = await open();
    const field = await fieldFor(key, code);
    const theirs = await fieldFor(createTestKey(), code);
    await interrupted('device.enrolled', () => node.enrolment.register(code, field));
    expect(await codeOf(other.enrolment.register(code, theirs))).toBe('enrolment_unknown');
    expect(await other.enrolment.register(code, field)).toEqual({
      ...{ device: annas.id, recordId: idsOf('device.enrolled')[0] },
    });
    expect(idsOf('device.enrolled')).toHaveLength(1);
  });

  it('enrols a certificate once, for a repeated request and for this device only', async () => {
    const enrol = (on: RunningDevices, device = annas.id) =>
      on.enrolment.enrolCertificate(device, certificate, manager);
    await interrupted('device.enrolled', () => enrol(node));
    expect(await codeOf(enrol(other, shared.id))).toBe('device_enrolled');
    expect(await byCertificate()).toEqual({ id: annas.id, by: 'certificate' });
    expect(await codeOf(enrol(other))).toBe('device_enrolled');
    await interrupted('device.removed', () => node.enrolment.remove(annas.id, undefined, manager, 'lost'));
    expect(await byCertificate()).toBeUndefined();
    await interrupted('device.enrolled', () => enrol(node));
    expect(await enrol(other)).toEqual({ recordId: idsOf('device.enrolled')[1] });
    expect(idsOf('device.enrolled')).toHaveLength(2);
  });

  it('does not save a key from removal: one that is only recorded is removed with the others', async () => {
    const key = createTestKey();
    const code = await open();
    const field = await fieldFor(key, code);
    await interrupted('device.enrolled', () => node.enrolment.register(code, field));
    expect(await other.enrolment.remove(annas.id, undefined, manager, 'stolen')).toBe(1);
    expect(await codeOf(recognised(key))).toBe('device_unknown');
    expect(idsOf('device.removed')).toHaveLength(1);
  });

  it('removes once what was removed, and reopens no closed link', async () => {
    await node.enrolment.enrolCertificate(annas.id, certificate, manager);
    const code = await open();
    await interrupted('device.removed', () => node.enrolment.closeLinks([annas.id], manager, 'left'));
    expect(await codeOf(other.enrolment.show(code))).toBe('enrolment_unknown');
    expect(await other.enrolment.remove(annas.id, undefined, manager, 'left')).toBe(2);
    expect(await codeOf(other.enrolment.show(code))).toBe('enrolment_unknown');
    expect(idsOf('device.removed')).toHaveLength(2);
    expect(await byCertificate()).toBeUndefined();
  });

  it('reveals no link that was never answered: the next one replaces it', async () => {
    await interrupted('device.enrolment-opened', () => node.enrolment.open(annas.id, manager));
    const code = codeIn((await other.enrolment.open(annas.id, manager)).path);
    expect((await node.enrolment.show(code)).device.id).toBe(annas.id);
    const [first, second] = world.audit.ofType('device.enrolment-opened');
    expect(second?.data).toMatchObject({ previous: first?.id });
  });
});

describe('a posture report whose process died after its records', () => {
  it('counts by its records, and is recorded once when it is sent again', async () => {
    const failing = { device: annas.id, posture: 'failing', posture_at: new Date(world.clock.now()).toISOString() };
    const report = world.report([{ ...failing, failed: ['disk_encryption'] }]);
    await interrupted('device.posture-changed', () => node.takeReport(report, { institution: broker }));
    expect(await other.takeReport(report, { institution: broker })).toMatchObject({ taken: 1, changed: 0 });
    expect(other.postureOf(annas.id)).toMatchObject({ posture: 'failing', source: 'edr' });
    expect(idsOf('device.posture-changed')).toHaveLength(1);
  });
});

describe('two nodes at once', () => {
  it('enrol a certificate once, and let one browser use a link', async () => {
    const enrolled = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) =>
        (index % 2 === 0 ? node : other).enrolment.enrolCertificate(
          index % 4 < 2 ? annas.id : shared.id,
          certificate,
          manager,
        ),
      ),
    );
    expect(enrolled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const code = await open();
    const fields = await Promise.all(Array.from({ length: 6 }, () => fieldFor(createTestKey(), code)));
    const used = await Promise.all(
      fields.map((field, index) => codeOf((index % 2 === 0 ? node : other).enrolment.register(code, field))),
    );
    expect(used.filter((each) => each === 'enrolment_unknown')).toHaveLength(5);
    expect(idsOf('device.enrolled')).toHaveLength(2);
  });
});

describe('a forged device row', () => {
  const thief = () => world.database.pool('devices');

  it('removes no key: the row is restored from its record, and deleted once the key was removed', async () => {
    const key = createTestKey();
    const code = await open();
    await node.enrolment.register(code, await fieldFor(key, code));
    await thief().query('delete from credentials');
    expect(await recognised(key)).toEqual({ id: annas.id, by: 'key' });
    await node.enrolment.remove(annas.id, undefined, manager, 'stolen');
    await thief().query('update credentials set removed_at = null');
    expect(await codeOf(recognised(key))).toBe('device_unknown');
    expect((await node.of(anna.id))[0]).toMatchObject({ enrolled: 'no' });
  });

  it('does not keep a device from a new link, whatever happened to the one before', async () => {
    world.audit.write({
      ...{ type: 'device.enrolment-opened', source: 'devices', outcome: 'done', subject: manager, device: annas.id },
      standing: [standing(`device-enrolment:${annas.id}`, { of: 'a release before' })],
    });
    await thief().query(
      `insert into enrolments values ($1, $2, $3, '{"id":"service:eve"}', 'rec_1', now() + interval '10 years')`,
      [Buffer.alloc(32, 1), annas.id, broker],
    );
    expect((await node.enrolment.show(await open())).device.id).toBe(annas.id);
  });
});
