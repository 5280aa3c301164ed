import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { reimported } from './key-pairs.ts';

describe('a generated pair that is imported again', () => {
  it.each([
    ['P-256', 'sha256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['Ed25519', null, generateKeyPairSync('ed25519')],
    ['RSA', 'sha256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ] as const)('is the same pair: %s', (_, hash, pair) => {
    const again = reimported(pair);
    const data = Buffer.from('an order');
    expect(verify(hash, data, again.publicKey, sign(hash, data, pair.privateKey))).toBe(true);
    expect(verify(hash, data, pair.publicKey, sign(hash, data, again.privateKey))).toBe(true);
  });

  it('can be exported as JWK while memory is collected all the time', () => {
    const module = fileURLToPath(new URL('../dist/key-pairs.js', import.meta.url));
    const program = `
      import { generateKeyPairSync } from 'node:crypto';
      import { reimported } from ${JSON.stringify(module)};
      for (let count = 0; count < 1500; count += 1) {
        const { publicKey, privateKey } = reimported(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
        publicKey.export({ format: 'jwk' });
        privateKey.export({ format: 'jwk' });
      }`;
    const small = ['--min-semi-space-size=1', '--max-semi-space-size=1', '--input-type=module'];
    const { status, signal } = spawnSync(process.execPath, [...small, '-e', program], { timeout: 60_000 });
    expect([status, signal]).toEqual([0, null]);
  });
});
