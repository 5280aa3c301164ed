import type { Authentication, PrincipalId } from '@countersign/contracts';
import { expect, it } from 'vitest';
import { codeOf } from '../code-of.ts';
import { suiteOf, type UnderTest } from './suite.ts';

export interface AuthenticationUnderTest extends UnderTest<'authentication'> {
  /** Signs a person in for reading only. @returns the `Cookie` header of their browser */
  signIn(): Promise<{ readonly person: PrincipalId; readonly cookie: string }>;
}

type Begin = Parameters<Authentication['begin']>[0];

/** Sign-ins as the pages of other processes query them. */
export const describeAuthentication = suiteOf<'authentication', AuthenticationUnderTest>('authentication', {
  current(made) {
    it('is the person who signed in in that browser', async () => {
      const { contract, signIn } = made();
      const { person, cookie } = await signIn();
      const signedIn = await contract.current(`theme=dark; ${cookie}`);
      expect(signedIn).toMatchObject({ person });
      expect((await contract.current(cookie))?.session).toBe(signedIn?.session);
    });

    it('is nobody in any other browser, and nobody for a tier without a sign-in', async () => {
      const { contract, signIn } = made();
      const { cookie } = await signIn();
      for (const other of [undefined, '', 'theme=dark', cookie.slice(0, -6), 'x'.repeat(20_000)])
        expect(await contract.current(other), other).toBeUndefined();
      expect(await contract.current(cookie, { tier: 'approval' })).toBeUndefined();
    });
  },

  begin(made) {
    const begin = (change: Partial<Begin> = {}) =>
      made().contract.begin({
        ...{ returnTo: '/transactions/waiting?lang=en', need: { acrValues: [] } },
        ...{ clientName: 'Trading desk', address: undefined },
        ...change,
      });

    it('returns a path on our own origin', async () => {
      expect(await begin()).toMatch(/^\/[^/\\]/);
    });

    it.each(['https://elsewhere.example/', '//elsewhere.example/', '/\\elsewhere.example', 'javascript:0', ''])(
      'refuses to return to %j',
      async (returnTo) => {
        expect(await codeOf(begin({ returnTo }))).toBe('return_to_foreign');
      },
    );
  },

  endAllOf(made) {
    it('ends every session of a person, and returns their number', async () => {
      const { contract, signIn } = made();
      const { person, cookie } = await signIn();
      expect(await contract.endAllOf(person, 'test')).toBeGreaterThanOrEqual(1);
      expect(await contract.current(cookie)).toBeUndefined();
      expect(await contract.endAllOf(person, 'test')).toBe(0);
    });
  },
});
