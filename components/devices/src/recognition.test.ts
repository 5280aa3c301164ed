import { createHash } from 'node:crypto';
import { toInstant } from '@countersign/kernel';
import { codeOf } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { challengeLifeMs } from './challenge.ts';
import type { RunningDevices } from './index.ts';
import { anna, annas, banks, ben, shared } from './testing/device-directory.ts';
import { createTestKey, newKeyField, proofField, type TestKey } from './testing/device-keys.ts';
import { createDeviceWorld, type DeviceWorld, manager } from './testing/device-world.ts';

let world: DeviceWorld;
let node: RunningDevices;
beforeAll(async () => {
  world = await createDeviceWorld();
  node = await world.node();
});
afterEach(() => world.audit.repair());
afterAll(() => world.close());

const thumbprintOf = (text: string) => createHash('sha256').update(text).digest('base64url');
const codeIn = (path: string) => path.slice('/device/'.length);
const refusals = () => world.audit.ofType('device.refused');

async function enrolled(device: string, key: TestKey = createTestKey()): Promise<TestKey> {
  const { path } = await node.enrolment.open(device, manager);
  const { challenge } = await node.enrolment.show(codeIn(path));
  await node.enrolment.register(codeIn(path), newKeyField(key, challenge));
  return key;
}

describe('a browser enrols as a device', () => {
  it('by a link, with proof of its key, recorded with who made the link', async () => {
    const key = createTestKey();
    const { path, recordId } = await node.enrolment.open(annas.id, manager);
    const { device, challenge } = await node.enrolment.show(codeIn(path));
    expect(device.id).toBe(annas.id);
    await node.enrolment.register(codeIn(path), newKeyField(key, challenge));
    expect(world.audit.ofType('device.enrolled').at(-1)).toMatchObject({
      subject: manager,
      device: annas.id,
      references: [recordId],
      data: { by: 'key', device: annas.id, jwk: key.jwk },
    });
    expect(await node.of(anna.id)).toMatchObject([{ id: annas.id, enrolled: 'key' }]);
  });

  it('once: of any number at once, one is enrolled', async () => {
    const { path } = await node.enrolment.open(shared.id, manager);
    const { challenge } = await node.enrolment.show(codeIn(path));
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () =>
        codeOf(node.enrolment.register(codeIn(path), newKeyField(createTestKey(), challenge))),
      ),
    );
    expect(outcomes.sort()).toEqual([
      'enrolment_unknown',
      'enrolment_unknown',
      'enrolment_unknown',
      'enrolment_unknown',
      'nothing was refused',
    ]);
    expect(await codeOf(node.enrolment.show(codeIn(path)))).toBe('enrolment_unknown');
  });

  it('not by a link that is expired, replaced, or of a removed device', async () => {
    const first = await node.enrolment.open(shared.id, manager);
    const second = await node.enrolment.open(shared.id, manager);
    expect(await codeOf(node.enrolment.show(codeIn(first.path)))).toBe('enrolment_unknown');
    world.directory.drop(shared.id);
    expect(await codeOf(node.enrolment.show(codeIn(second.path)))).toBe('enrolment_unknown');
    world.directory.put(shared);
    expect(await codeOf(node.enrolment.show(codeIn(second.path)))).toBe('nothing was refused');
    world.clock.advance(30 * 60_000);
    expect(await codeOf(node.enrolment.show(codeIn(second.path)))).toBe('enrolment_unknown');
    for (const code of ['', 'x', '../../etc/passwd', 'x'.repeat(43)])
      expect(await codeOf(node.enrolment.show(code))).toBe('enrolment_unknown');
  });

  it.each<[string, (key: TestKey, challenge: string) => string | undefined]>([
    ['nothing', () => undefined],
    ['no JSON', () => 'x'],
    ['a list', () => '[]'],
    [
      'a signature of another key',
      (key, challenge) => newKeyField(key, challenge, { signature: createTestKey().sign(challenge) }),
    ],
    ['another challenge', (key) => newKeyField(key, node.challenge('elsewhere'))],
    ['no challenge of ours', (key) => newKeyField(key, 'countersign-device.9.x.y')],
    ['a private key', (key, challenge) => newKeyField(key, challenge, { jwk: { ...key.jwk, d: 'AAAA' } })],
    [
      'another kind of key',
      (key, challenge) => newKeyField(key, challenge, { jwk: { kty: 'OKP', crv: 'Ed25519', x: key.jwk.x } }),
    ],
    ['a signature that is too short', (key, challenge) => newKeyField(key, challenge, { signature: 'AAAA' })],
    ['far too much', (key, challenge) => newKeyField(key, challenge, { more: 'x'.repeat(4_000) })],
  ])('not with %s; it is recorded, and the link stays valid', async (_, field) => {
    const { path } = await node.enrolment.open(shared.id, manager);
    const { challenge } = await node.enrolment.show(codeIn(path));
    const before = refusals().length;
    const code = await codeOf(node.enrolment.register(codeIn(path), field(createTestKey(), challenge)));
    expect(code).toBe('device_proof_wrong');
    expect(refusals().slice(before)).toMatchObject([{ reason: 'device_proof_wrong', data: { at: 'enrolment' } }]);
    await node.enrolment.register(codeIn(path), newKeyField(createTestKey(), challenge));
    expect(await node.enrolment.remove(shared.id, undefined, manager, 'tried out')).toBeGreaterThan(0);
  });

  it('not with the key of another device, which is recorded before it is answered', async () => {
    const key = await enrolled(annas.id);
    const { path } = await node.enrolment.open(shared.id, manager);
    const { challenge } = await node.enrolment.show(codeIn(path));
    const before = refusals().length;
    const register = () => codeOf(node.enrolment.register(codeIn(path), newKeyField(key, challenge)));
    expect(await register()).toBe('device_enrolled');
    expect(refusals().slice(before)).toMatchObject([{ reason: 'device_enrolled', device: shared.id }]);
    world.audit.breakDown('writing');
    expect(await register()).toBe('log_unavailable');
  });

  it('not when it cannot be recorded, and the link stays valid', async () => {
    const key = createTestKey();
    const { path } = await node.enrolment.open(shared.id, manager);
    const { challenge } = await node.enrolment.show(codeIn(path));
    world.audit.breakDown('writing');
    expect(await codeOf(node.enrolment.register(codeIn(path), newKeyField(key, challenge)))).toBe('log_unavailable');
    world.audit.repair();
    await node.enrolment.register(codeIn(path), newKeyField(key, challenge));
  });

  it('only as a device of the institution that manages it', async () => {
    for (const device of [banks.id, 'device:unheard-of']) {
      expect(await codeOf(node.enrolment.open(device, manager))).toBe('device_unknown');
      expect(await codeOf(node.enrolment.enrolCertificate(device, thumbprintOf('x'), manager))).toBe('device_unknown');
      expect(await codeOf(node.enrolment.remove(device, undefined, manager, 'x'))).toBe('device_unknown');
    }
  });

  it('up to eight times for one device', async () => {
    const { enrolment } = node;
    await enrolment.remove(shared.id, undefined, manager, 'a new beginning');
    for (let number = 0; number < 8; number++)
      await enrolment.enrolCertificate(shared.id, thumbprintOf(`many ${number}`), manager);
    expect(await codeOf(enrolment.enrolCertificate(shared.id, thumbprintOf('one more'), manager))).toBe(
      'device_enrolled',
    );
    expect(await enrolment.remove(shared.id, undefined, manager, 'tried out')).toBe(8);
  });

  it('not with a certificate of another device', async () => {
    const thumbprint = thumbprintOf('one certificate');
    const outcomes = await Promise.all(
      [annas.id, shared.id].map((device) => codeOf(node.enrolment.enrolCertificate(device, thumbprint, manager))),
    );
    expect(outcomes.sort()).toEqual(['device_enrolled', 'nothing was refused']);
    expect(await codeOf(node.enrolment.enrolCertificate(annas.id, 'no thumbprint', manager))).toBe('device_malformed');
  });
});

describe('a device proves itself', () => {
  const about = 'the nonce of a page';

  it('by the signature of its key over a challenge, sent as text or parsed', async () => {
    const key = await enrolled(annas.id);
    const proof = proofField(key, annas.id, node.challenge(about));
    const recognised = { id: annas.id, by: 'key' };
    expect(await node.recognise({ about, proof })).toEqual(recognised);
    expect(await node.recognise({ about, proof: JSON.parse(proof) })).toEqual(recognised);
    // On another node as well.
    const other = await world.node();
    expect(await node.recognise({ about, proof: proofField(key, annas.id, other.challenge(about)) })).toEqual(
      recognised,
    );
  });

  it('by the certificate of its connection', async () => {
    const thumbprint = thumbprintOf('a workstation');
    await node.enrolment.enrolCertificate(annas.id, thumbprint, manager);
    expect(await node.recognise({ about, certificateThumbprint: thumbprint })).toEqual({
      id: annas.id,
      by: 'certificate',
    });
    expect(await node.of(anna.id)).toMatchObject([{ enrolled: 'certificate' }]);
  });

  it('not without a proof, or with a certificate that belongs to no device', async () => {
    expect(await node.recognise({ about })).toBeUndefined();
    expect(await node.recognise({ about, proof: '' })).toBeUndefined();
    expect(await node.recognise({ about, certificateThumbprint: thumbprintOf('a smart card') })).toBeUndefined();
    expect(await node.recognise({ about, certificateThumbprint: 'x' })).toBeUndefined();
  });

  it.each<[string, (key: TestKey) => unknown, string]>([
    [
      'a challenge for something else',
      (key) => proofField(key, annas.id, node.challenge('elsewhere')),
      'device_proof_wrong',
    ],
    [
      'a challenge of its own making',
      (key) => proofField(key, annas.id, `countersign-device.9${'0'.repeat(13)}.${'A'.repeat(22)}.${'A'.repeat(43)}`),
      'device_proof_wrong',
    ],
    ['another key', () => proofField(createTestKey(), annas.id, node.challenge(about)), 'device_proof_wrong'],
    ['another device’s name', (key) => proofField(key, shared.id, node.challenge(about)), 'device_unknown'],
    ['an unknown device', (key) => proofField(key, 'device:unheard-of', node.challenge(about)), 'device_unknown'],
    ['no name', (key) => proofField(key, 'person:anna', node.challenge(about)), 'device_proof_wrong'],
    ['no JSON', () => '{', 'device_proof_wrong'],
    [
      'a member twice',
      (key) => proofField(key, annas.id, node.challenge(about)).replace('{', '{"device":"device:x",'),
      'device_proof_wrong',
    ],
    ['a number', () => 7, 'device_proof_wrong'],
    ['far too much', () => 'x'.repeat(5_000), 'device_proof_wrong'],
  ])('not with %s, which is recorded', async (_, proof, code) => {
    const key = await enrolled(annas.id);
    const before = refusals().length;
    expect(await codeOf(node.recognise({ about, proof: proof(key), person: anna.id }))).toBe(code);
    expect(refusals().slice(before)).toMatchObject([
      { reason: code, subject: { id: anna.id }, data: { at: 'recognition' } },
    ]);
    await node.enrolment.remove(annas.id, undefined, manager, 'tried out');
  });

  it('not with an expired challenge', async () => {
    const key = await enrolled(annas.id);
    const proof = proofField(key, annas.id, node.challenge(about));
    world.clock.advance(challengeLifeMs - 1);
    expect(await node.recognise({ about, proof })).toMatchObject({ id: annas.id });
    world.clock.advance(1);
    expect(await codeOf(node.recognise({ about, proof }))).toBe('device_proof_wrong');
  });

  it('not after its key was removed, or when the directory does not have it', async () => {
    await node.enrolment.remove(annas.id, undefined, manager, 'a new beginning');
    const key = await enrolled(annas.id);
    const shown = () => codeOf(node.recognise({ about, proof: proofField(key, annas.id, node.challenge(about)) }));
    world.directory.put({ ...annas, institution: banks.institution });
    expect(await shown()).toBe('device_unknown');
    world.directory.put(annas);
    expect(await shown()).toBe('nothing was refused');
    const [{ thumbprint } = { thumbprint: '' }] = (await node.list(manager.institution, undefined, 100)).flatMap(
      ({ id, shownBy }) => (id === annas.id ? shownBy.filter(({ by }) => by === 'key') : []),
    );
    expect(await node.enrolment.remove(annas.id, thumbprint, manager, 'sold')).toBe(1);
    expect(world.audit.ofType('device.removed').at(-1)?.data).toMatchObject({
      thumbprints: [thumbprint],
      reason: 'sold',
    });
    expect(await shown()).toBe('device_unknown');
    expect(await codeOf(node.enrolment.remove(annas.id, thumbprint, manager, 'sold'))).toBe('enrolment_unknown');
  });

  it('not as two devices at once', async () => {
    const key = await enrolled(annas.id);
    const thumbprint = thumbprintOf('of the shared one');
    await node.enrolment.enrolCertificate(shared.id, thumbprint, manager);
    const proof = proofField(key, annas.id, node.challenge(about));
    expect(await codeOf(node.recognise({ about, proof, certificateThumbprint: thumbprint }))).toBe(
      'device_proof_wrong',
    );
  });

  it('or is refused only after the refusal is recorded', async () => {
    world.audit.breakDown('writing');
    expect(await codeOf(node.recognise({ about, proof: 'x' }))).toBe('log_unavailable');
    world.audit.repair();
  });
});

describe('when a person leaves', () => {
  it('their devices are unusable until they are reassigned, and open links end', async () => {
    const key = await enrolled(annas.id);
    const { path } = await node.enrolment.open(annas.id, manager);
    const departure = {
      principal: anna.id,
      kind: 'leave',
      at: toInstant(world.clock.now()),
      by: { id: 'service:hr', institution: manager.institution },
      reason: 'left',
    } as const;
    world.directory.leave(anna.id);
    expect(await node.departureEffect.end(departure)).toEqual({ ended: 1 });
    expect(await node.departureEffect.end(departure)).toEqual({ ended: 0 });
    expect(await codeOf(node.enrolment.show(codeIn(path)))).toBe('enrolment_unknown');
    const device = await node.recognise({
      about: 'x',
      proof: proofField(key, annas.id, node.challenge('x')),
    });
    expect(device).toMatchObject({ id: annas.id });
    expect(await codeOf(node.requireFit(device, ben.id))).toBe('device_not_yours');
    world.directory.put({ ...annas, holder: ben.id, postureAt: new Date(world.clock.now()).toISOString() });
    expect(await codeOf(node.requireFit(device, ben.id))).toBe('nothing was refused');
  });
});
