import { createHash, createPublicKey, verify } from 'node:crypto';
import type { KeyPurpose, PublicKey, Signer } from '@countersign/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codeOf } from '../code-of.ts';

export interface SignerUnderTest {
  readonly signer: Signer;
  /** Advances past the publication lead of this purpose. */
  passLead(purpose: KeyPurpose): Promise<unknown>;
  /** Advances past the lifetime of everything that the active key's predecessor signed. */
  passLongestLife(purpose: KeyPurpose): Promise<unknown>;
  close(): Promise<unknown>;
}

/** The members of a key that its thumbprint is made from (RFC 7638, RFC 8037). */
const thumbprintOf = ({ jwk }: PublicKey): string => {
  const names = jwk['kty'] === 'EC' ? ['crv', 'kty', 'x', 'y'] : ['crv', 'kty', 'x'];
  const members = Object.fromEntries(names.map((name) => [name, jwk[name]]));
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
};

/** The contract of the signer, for every implementation: two purposes, ES256 and EdDSA. */
export function describeSigner(name: string, make: () => Promise<SignerUnderTest>): void {
  describe(`the contract of the signer, implemented by ${name}`, () => {
    let made: SignerUnderTest;
    let signer: Signer;
    beforeEach(async () => {
      made = await make();
      ({ signer } = made);
    });
    afterEach(() => made.close());

    const purpose = 'access-token';
    const data = Buffer.from('what is signed');
    const statesOf = async () => (await signer.publicKeys(purpose)).map(({ kid, state }) => [kid, state]);
    const unavailable = 'signing_key_unavailable';
    const failing = () => Promise.reject(new Error('the log is gone'));

    it.each([
      ['access-token', 'ES256'],
      ['log-checkpoint', 'EdDSA'],
    ] as const)('signs for %s with the current key, which is published under its thumbprint', async (of, algorithm) => {
      const key = await signer.current(of);
      expect(key).toMatchObject({ algorithm, purpose: of, state: 'active', kid: thumbprintOf(key) });
      expect(Object.keys(key.jwk)).not.toContain('d');
      const made = await signer.sign(of, key.kid, data);
      expect(made).toMatchObject({ kid: key.kid, algorithm });
      const publicKey = createPublicKey({ key: { ...key.jwk }, format: 'jwk' });
      const isGood = verify(
        algorithm === 'ES256' ? 'sha256' : null,
        data,
        { key: publicKey, dsaEncoding: 'ieee-p1363' },
        made.signature,
      );
      expect([made.signature.length, isGood]).toEqual([64, true]);
      expect((await signer.publicKeys(of)).map(({ kid }) => kid)).toEqual([key.kid]);
    });

    it('signs for no purpose with the key of another, nor with an unknown one', async () => {
      const { kid } = await signer.current(purpose);
      expect(await codeOf(signer.sign('log-checkpoint', kid, data))).toBe(unavailable);
      expect(await codeOf(signer.sign(purpose, 'nobody', data))).toBe(unavailable);
    });

    it('publishes a successor first, which signs after the lead; then its predecessor retires', async () => {
      const first = await signer.current(purpose);
      const successor = await signer.rotate(purpose);
      expect(successor.state).toBe('published');
      expect(await statesOf()).toEqual([
        [first.kid, 'active'],
        [successor.kid, 'published'],
      ]);
      expect((await signer.current(purpose)).kid).toBe(first.kid);
      expect(await codeOf(signer.sign(purpose, successor.kid, data))).toBe(unavailable);
      await made.passLead(purpose);
      expect(await statesOf()).toEqual([
        [first.kid, 'retiring'],
        [successor.kid, 'active'],
      ]);
      expect((await signer.current(purpose)).kid).toBe(successor.kid);
      // A signature that started just before the rotation may still be completed.
      await signer.sign(purpose, first.kid, data);
      await made.passLongestLife(purpose);
      expect(await statesOf()).toEqual([[successor.kid, 'active']]);
      expect(await codeOf(signer.sign(purpose, first.kid, data))).toBe(unavailable);
    });

    it('returns the waiting successor when it is rotated twice', async () => {
      const { kid } = await signer.rotate(purpose);
      expect((await signer.rotate(purpose)).kid).toBe(kid);
      expect(await statesOf()).toHaveLength(2);
    });

    it('publishes nothing that could not be recorded', async () => {
      const before = await statesOf();
      await expect(signer.rotate(purpose, failing)).rejects.toThrow('the log is gone');
      expect(await statesOf()).toEqual(before);
      const recorded: string[] = [];
      const { kid } = await signer.rotate(purpose, async (successor) => {
        expect(await statesOf()).toEqual(before);
        recorded.push(successor.kid);
      });
      expect(recorded).toEqual([kid]);
    });

    it('ends a lost key at once, which then neither signs nor verifies, and has a successor that signs', async () => {
      const lost = await signer.current(purpose);
      const recorded: string[] = [];
      const successor = await signer.withdraw(purpose, lost.kid, async (withdrawn, next) => {
        expect(await statesOf()).toEqual([[lost.kid, 'active']]);
        recorded.push(withdrawn.kid, next.kid);
      });
      expect(recorded).toEqual([lost.kid, successor.kid]);
      expect(successor.state).toBe('active');
      expect(await statesOf()).toEqual([[successor.kid, 'active']]);
      expect(await codeOf(signer.sign(purpose, lost.kid, data))).toBe(unavailable);
      await signer.sign(purpose, successor.kid, data);
      // A key that is already withdrawn stays withdrawn.
      expect((await signer.withdraw(purpose, lost.kid)).kid).toBe(successor.kid);
    });

    it('withdraws nothing that could not be recorded, and no unknown key', async () => {
      const before = await statesOf();
      const { kid } = await signer.current(purpose);
      await expect(signer.withdraw(purpose, kid, failing)).rejects.toThrow('the log is gone');
      expect(await codeOf(signer.withdraw(purpose, 'nobody'))).toBe('signing_key_unknown');
      expect(await codeOf(signer.withdraw('log-checkpoint', kid))).toBe('signing_key_unknown');
      expect(await statesOf()).toEqual(before);
    });
  });
}
