import { constants, createPublicKey, verify } from 'node:crypto';
import { systemRandom } from '@countersign/kernel';
import { components, findComponent, findSoftHsm, makeSoftToken, type SoftToken } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../observability/index.ts';
import type { HardwareAlgorithm } from './algorithms.ts';
import {
  type HardwareKey,
  type HardwareKeySettings,
  type HardwareKeys,
  type HardwareStatement,
  startHardwareKeys,
} from './hardware-keys.ts';

const softHsm = findSoftHsm();
const pkcs11Tool = findComponent(components.pkcs11Tool);
const skipped = softHsm.found ? '' : ` (skipped: ${softHsm.reason})`;
const logger = createLogger({ level: 'silent', name: 'test' });

let token: SoftToken;
const running: HardwareKeys[] = [];

async function start(settings: Partial<HardwareKeySettings> = {}): Promise<HardwareKeys> {
  const keys = await startHardwareKeys({
    settings: { ...token.settings, ...settings },
    logger,
    random: systemRandom,
  });
  running.push(keys);
  return keys;
}

const statementOf = (key: HardwareKey, data: Uint8Array, algorithm: HardwareAlgorithm): HardwareStatement => ({
  purpose: 'access-token',
  kid: key.kid,
  algorithm,
  data,
});

function holds(algorithm: HardwareAlgorithm, { jwk }: HardwareKey, data: Buffer, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
  switch (algorithm) {
    case 'ES256':
      return verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature);
    case 'EdDSA':
      return verify(null, data, key, signature);
    case 'PS256':
      return verify('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
    case 'RS256':
      return verify('sha256', data, key, signature);
  }
}

/** Waits until the token signs again. */
async function signsAgain(keys: HardwareKeys, key: HardwareKey): Promise<void> {
  await expect
    .poll(() =>
      keys.sign(key, statementOf(key, Buffer.from('again'), 'ES256')).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
}

describe.skipIf(!softHsm.found)(`keys in a token${skipped}`, () => {
  beforeEach(() => {
    token = makeSoftToken();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((keys) => keys.stop()));
    token.dispose();
  });

  it.each(['ES256', 'EdDSA', 'PS256', 'RS256'] as const)(
    'sign %s in JOSE form and are found after a restart',
    async (algorithm) => {
      const keys = await start();
      const key = await keys.generate('countersign test', algorithm);
      const data = Buffer.from('what is signed');
      const signature = await keys.sign(key, statementOf(key, data, algorithm));
      expect(holds(algorithm, key, data, signature)).toBe(true);
      expect(signature.length).toBe(algorithm === 'ES256' || algorithm === 'EdDSA' ? 64 : 384);
      await keys.stop();
      const other = await start();
      expect(await other.find(key, algorithm)).toEqual(key);
      expect(holds(algorithm, key, data, await other.sign(key, statementOf(key, data, algorithm)))).toBe(true);
    },
  );

  it('never leave the token: their attributes are read back', async () => {
    const keys = await start();
    const { attributes, token: serial } = await keys.generate('countersign test', 'ES256');
    expect(attributes).toEqual({
      ...{ sensitive: true, always_sensitive: true, extractable: false, never_extractable: true, local: true },
      ...{ sign: true, decrypt: false, unwrap: false, derive: false },
    });
    expect(keys.token()).toMatchObject({ label: 'countersign', serial, model: 'SoftHSM v2' });
  });

  it.skipIf(!pkcs11Tool.found)('have the same attributes in pkcs11-tool', async () => {
    const keys = await start();
    const { label, id } = await keys.generate('countersign test', 'ES256');
    const listed = token.tool('--list-objects', '--type', 'privkey');
    expect(listed).toContain(label);
    expect(listed).toContain(id);
    expect(listed).toMatch(/Usage: +sign\n/);
    expect(listed).toMatch(/Access: +sensitive, always sensitive, never extract(?:a|i)ble, local/);
  });

  it.skipIf(!pkcs11Tool.found)('are not used if they were imported and can leave the token', async () => {
    const keys = await start();
    token.tool('--keypairgen', '--key-type', 'EC:prime256v1', '--label', 'foreign', '--id', 'aa01', '--extractable');
    await keys.stop();
    const other = await start();
    await expect(other.find({ label: 'foreign', id: 'aa01' }, 'ES256')).rejects.toMatchObject({
      code: 'hardware_key_unfit',
    });
  });

  it.skipIf(!pkcs11Tool.found)('are refused if two have the same label and id', async () => {
    const keys = await start();
    const key = await keys.generate('countersign test', 'ES256');
    const second = ['--keypairgen', '--key-type', 'EC:prime256v1', '--label', key.label, '--id', key.id];
    token.tool(...second);
    await keys.stop();
    const other = await start();
    const ambiguous = { code: 'hardware_key_ambiguous' };
    await expect(other.find(key, 'ES256')).rejects.toMatchObject(ambiguous);
    await expect(other.sign(key, statementOf(key, Buffer.from('x'), 'ES256'))).rejects.toMatchObject(ambiguous);
  });

  it('are not mixed up: the public key must match the kid', async () => {
    const keys = await start();
    const [one, other] = [
      await keys.generate('countersign test', 'ES256'),
      await keys.generate('countersign test', 'ES256'),
    ];
    const refused = keys.sign(one, { ...statementOf(one, Buffer.from('x'), 'ES256'), kid: other.kid });
    await expect(refused).rejects.toMatchObject({ code: 'hardware_key_unfit' });
    await expect(keys.find({ label: one.label, id: 'ffff' }, 'ES256')).rejects.toMatchObject({
      code: 'hardware_key_missing',
    });
  });

  it('sign in parallel on several sessions', async () => {
    const keys = await start({ sessions: 8, queue: 5_000 });
    const key = await keys.generate('countersign test', 'ES256');
    const messages = Array.from({ length: 2_000 }, (_, index) => Buffer.from(`message ${index}`));
    const signatures = await Promise.all(messages.map((data) => keys.sign(key, statementOf(key, data, 'ES256'))));
    expect(messages.every((data, index) => holds('ES256', key, data, signatures[index] ?? Buffer.alloc(0)))).toBe(true);
    expect(new Set(signatures.map((signature) => Buffer.from(signature).toString('hex'))).size).toBe(2_000);
  });

  it('are refused immediately if too many signatures wait', async () => {
    const keys = await start({ sessions: 1, queue: 10 });
    const key = await keys.generate('countersign test', 'ES256');
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, () => keys.sign(key, statementOf(key, Buffer.from('x'), 'ES256'))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'hardware_unavailable' });
  });

  it('give a signature or an error if the signer is killed, and sign again with the next one', async () => {
    const keys = await start();
    const key = await keys.generate('countersign test', 'ES256');
    const pid = keys.pid() ?? 0;
    const pending = Array.from({ length: 200 }, (_, index) =>
      keys.sign(key, statementOf(key, Buffer.from(`message ${index}`), 'ES256')),
    );
    process.kill(pid, 'SIGKILL');
    const results = await Promise.allSettled(pending);
    const lost = results.filter(({ status }) => status === 'rejected');
    expect(lost.length).toBeGreaterThan(0);
    for (const result of lost)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'hardware_unavailable' });
    await signsAgain(keys, key);
    expect(keys.pid()).not.toBe(pid);
  });

  it('wait for a removed token, and sign again when it is back', async () => {
    const keys = await start({ canaryEveryMs: 50 });
    const key = await keys.generate('countersign test', 'ES256');
    token.remove();
    await expect
      .poll(() =>
        keys.sign(key, statementOf(key, Buffer.from('x'), 'ES256')).then(
          () => 'signed',
          ({ code }) => code,
        ),
      )
      .toBe('hardware_unavailable');
    await expect.poll(() => keys.pid()).toBe(undefined);
    token.putBack();
    await signsAgain(keys, key);
  });

  it('are unavailable with a wrong PIN, which is tried only once', async () => {
    const keys = await start();
    const key = await keys.generate('countersign test', 'ES256');
    token.writePin('000000');
    process.kill(keys.pid() ?? 0, 'SIGKILL');
    const refusals: string[] = [];
    await expect
      .poll(async () => {
        const code = await keys.sign(key, statementOf(key, Buffer.from('x'), 'ES256')).then(
          () => 'signed',
          (error) => error.code,
        );
        refusals.push(code);
        return code;
      })
      .toBe('hardware_pin_refused');
    // The right PIN is not tried before the next start either.
    token.writePin(token.pin);
    await expect(keys.sign(key, statementOf(key, Buffer.from('x'), 'ES256'))).rejects.toMatchObject({
      code: 'hardware_pin_refused',
    });
    expect(keys.pid()).toBe(undefined);
    await keys.stop();
    await signsAgain(await start(), key);
    token.writePin('000000');
    await expect(start()).rejects.toMatchObject({ code: 'hardware_pin_refused' });
  });

  it('are unavailable without their token, module or PIN', async () => {
    await expect(start({ token: { label: 'another' } })).rejects.toMatchObject({ code: 'hardware_unusable' });
    await expect(start({ module: '/usr/lib/none.so' })).rejects.toMatchObject({ code: 'hardware_unusable' });
    await expect(start({ pin: 'file:/none' })).rejects.toMatchObject({ code: 'secret_unavailable' });
  });

  it('encrypt data bound to its use, and decrypt it for no other', async () => {
    const keys = await start();
    const secret = systemRandom.bytes(32);
    const sealed = await keys.encrypt('countersign key-encryption-key', secret, 'installation');
    expect(sealed.includes(Buffer.from(secret))).toBe(false);
    expect(await keys.decrypt('countersign key-encryption-key', sealed, 'installation')).toEqual(Buffer.from(secret));
    await expect(keys.decrypt('countersign key-encryption-key', sealed, 'another')).rejects.toMatchObject({
      code: 'hardware_unavailable',
    });
    await keys.stop();
    const other = await start();
    expect(await other.decrypt('countersign key-encryption-key', sealed, 'installation')).toEqual(Buffer.from(secret));
  });
});
