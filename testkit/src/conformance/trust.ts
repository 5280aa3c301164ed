import type { FederatedIdentity, TrustProfile } from '@countersign/contracts';
import { expect, it } from 'vitest';
import { codeOf } from '../code-of.ts';
import type { FixedClock } from '../fixed-clock.ts';
import { suiteOf, type UnderTest } from './suite.ts';

export interface TrustRegistryUnderTest extends UnderTest<'trust-registry'> {
  readonly profile: TrustProfile;
  suspend(): Promise<unknown>;
}

export const describeTrustRegistry = suiteOf<'trust-registry', TrustRegistryUnderTest>('trust-registry', {
  profileOf(made) {
    it('returns the profile of an issuer, and nothing for an unknown one', async () => {
      const { contract, profile } = made();
      expect(await contract.profileOf(profile.issuer)).toEqual(profile);
      for (const unknown of ['https://unknown.example', `${profile.issuer}/`, ''])
        expect(await contract.profileOf(unknown), unknown).toBeUndefined();
    });

    it('shows a withdrawn issuer as suspended', async () => {
      const { contract, profile, suspend } = made();
      await suspend();
      expect(await contract.profileOf(profile.issuer)).toMatchObject({
        ...{ id: profile.id, version: profile.version + 1, suspended: true },
      });
    });
  },
});

export interface FederationUnderTest extends UnderTest<'federation-gateway'> {
  readonly clock: FixedClock;
  readonly audience: string;
  /** The identity in the partner's assertion about a person in the directory. */
  readonly identity: Pick<FederatedIdentity, 'principal' | 'institution' | 'issuer' | 'subject' | 'acr'>;
  /** Signed by the partner, for a minute; with other claims where they are given. */
  assertion(claims?: Readonly<Record<string, unknown>>): Promise<string>;
}

export const describeFederation = suiteOf<'federation-gateway', FederationUnderTest>('federation-gateway', {
  acceptAssertion(made) {
    const accept = async (claims?: Readonly<Record<string, unknown>>) =>
      made().contract.acceptAssertion(await made().assertion(claims), made().audience);

    it('names the person, how they signed in, and the basis in the profile', async () => {
      const { clock, identity } = made();
      const accepted = await accept({ jti: 'one' });
      expect(accepted).toMatchObject({ ...identity, assertionId: 'one' });
      expect(accepted.expiresAt).toBeGreaterThan(clock.now() / 1000);
      expect(accepted.provenance).toMatchObject({ profileRecord: expect.any(String), kid: expect.any(String) });
    });

    it.each<readonly [string, Readonly<Record<string, unknown>>]>([
      ['assertion_audience', { aud: 'https://somebody.else.example' }],
      ['assertion_issuer_unknown', { iss: 'https://unknown.example' }],
      ['assertion_subject_unknown', { sub: 'nobody' }],
      ['assertion_expired', { exp: 1, iat: 0 }],
    ])('refuses with %s', async (code, claims) => {
      expect(await codeOf(accept(claims))).toBe(code);
    });

    it('refuses one with changed claims, and text that is not an assertion', async () => {
      const { contract, assertion, audience } = made();
      const [header, , signature] = (await assertion()).split('.');
      const [, claims] = (await assertion({ sub: 'somebody' })).split('.');
      expect(await codeOf(contract.acceptAssertion(`${header}.${claims}.${signature}`, audience))).toBe(
        'assertion_signature',
      );
      expect(await codeOf(contract.acceptAssertion('no assertion', audience))).toBe('assertion_malformed');
    });
  },
});
