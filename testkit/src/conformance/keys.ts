import type { KeyPurpose, RemoteContract } from '@countersign/contracts';
import { expect, it } from 'vitest';
import { suiteOf, type UnderTest } from './suite.ts';

type KeysContract = Extract<RemoteContract, `${string}-keys`>;

export interface KeysUnderTest<Name extends KeysContract> extends UnderTest<Name> {
  readonly purpose: KeyPurpose;
  /** Publishes a successor. @returns its id */
  rotate(): Promise<string>;
  /** Withdraws the key that signs; another signs at once. @returns the id of the withdrawn one */
  withdraw(): Promise<string>;
}

/** For the signing keys of every process. */
function keys(made: () => KeysUnderTest<KeysContract>): void {
  const own = async () => (await made().contract.listKeys()).filter(({ purpose }) => purpose === made().purpose);

  it('lists the keys that a verifier may meet, with the times of publication and first use', async () => {
    const successor = await made().rotate();
    const listed = await own();
    expect(listed.map(({ state }) => state)).toContain('active');
    const found = listed.find(({ kid }) => kid === successor);
    expect(found).toMatchObject({ state: 'published', algorithm: expect.any(String) });
    expect(found?.activeFrom).toBeGreaterThan(found?.publishedAt ?? Number.POSITIVE_INFINITY);
  });

  it('does not list a withdrawn one', async () => {
    const withdrawn = await made().withdraw();
    const listed = await own();
    expect(listed.map(({ kid }) => kid)).not.toContain(withdrawn);
    expect(listed.filter(({ state }) => state === 'active')).toHaveLength(1);
  });
}

export const describeCoreKeys = suiteOf<'core-keys', KeysUnderTest<'core-keys'>>('core-keys', { listKeys: keys });
export const describeEvidenceKeys = suiteOf<'evidence-keys', KeysUnderTest<'evidence-keys'>>('evidence-keys', {
  listKeys: keys,
});
export const describeCertificateAuthorityKeys = suiteOf<
  'certificate-authority-keys',
  KeysUnderTest<'certificate-authority-keys'>
>('certificate-authority-keys', { listKeys: keys });
export const describeEgressKeys = suiteOf<'egress-keys', KeysUnderTest<'egress-keys'>>('egress-keys', {
  listKeys: keys,
});
