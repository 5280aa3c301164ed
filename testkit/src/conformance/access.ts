import type { Actor, GuardedRequest, RevocationTarget } from '@countersign/contracts';
import type { RevocableClaims } from '@countersign/oauth';
import { expect, it } from 'vitest';
import { codeOf } from '../code-of.ts';
import { suiteOf, type UnderTest } from './suite.ts';

export interface AccessUnderTest extends UnderTest<'access'> {
  /** The interface for which the tokens are issued, their scopes, and their subject. */
  readonly resource: string;
  readonly scope: string;
  readonly subject: string;
  /** A request to the interface, with a token and a proof of its own. */
  request(): GuardedRequest;
  /** Revokes the tokens of {@link subject}. */
  revoke(): Promise<unknown>;
  /** Set for a double that accepts every token: without verification, for any interface, any number of times. */
  readonly believes?: true;
}

export const describeAccess = suiteOf<'access', AccessUnderTest>('access', {
  checkAccess(made) {
    it('identifies the caller', async () => {
      const { contract, resource, request, scope, subject } = made();
      const caller = await contract.checkAccess(resource, request(), { scope });
      expect(caller).toMatchObject({ subject, scope: expect.arrayContaining([scope]) });
    });

    it('refuses a token without the scope, and a request without a token', async () => {
      const { contract, resource, request, scope } = made();
      expect(await codeOf(contract.checkAccess(resource, request(), { scope: 'settlement:instruct' }))).toBe(
        'insufficient_scope',
      );
      expect(await codeOf(contract.checkAccess(resource, { ...request(), authorization: [] }, { scope }))).toMatch(
        /^token_/,
      );
    });

    it('refuses a token for another interface, a used proof, and one for another address', async ({ skip }) => {
      const { contract, resource, request, scope, believes } = made();
      if (believes) skip('the double believes each token');
      const codeAt = (at: string, asked: GuardedRequest) => codeOf(contract.checkAccess(at, asked, { scope }));
      expect(await codeAt('https://elsewhere.example', request())).toBe('token_audience');
      const asked = request();
      expect(await codeAt(resource, asked)).toBe('nothing was refused');
      expect(await codeAt(resource, asked)).toBe('proof_replayed');
      expect(await codeAt(resource, { ...request(), url: 'https://elsewhere.example/' })).toBe('proof_url');
    });
  },

  checkLastingAccess(made) {
    it('identifies the caller and the token', async () => {
      const { contract, resource, request, scope, subject } = made();
      expect(await contract.checkLastingAccess(resource, request(), { scope })).toMatchObject({
        caller: { subject },
        token: { sub: subject },
      });
    });

    it('refuses in the same cases', async () => {
      const { contract, resource, request } = made();
      expect(await codeOf(contract.checkLastingAccess(resource, request(), { scope: 'settlement:instruct' }))).toBe(
        'insufficient_scope',
      );
    });
  },

  isTokenActive(made) {
    it('is true until the token is revoked, and no request with it is accepted afterwards', async () => {
      const { contract, resource, request, scope, revoke } = made();
      const { token } = await contract.checkLastingAccess(resource, request(), { scope });
      expect(await contract.isTokenActive(resource, token)).toBe(true);
      await revoke();
      expect(await contract.isTokenActive(resource, token)).toBe(false);
      expect(await codeOf(contract.checkAccess(resource, request(), { scope }))).toBe('token_revoked');
    });
  },
});

export interface RevokingUnderTest extends UnderTest<'authorization-server'> {
  readonly by: Actor;
  /** Claims of a token that was issued now. */
  claims(): RevocableClaims;
  /** Several kinds of revocation that end such a token. */
  targets(claims: RevocableClaims): readonly RevocationTarget[];
  /** The kind of the revocation that ended it. */
  endedBy(claims: RevocableClaims): string | undefined;
  recorded(): number;
}

export const describeRevoking = suiteOf<'authorization-server', RevokingUnderTest>('authorization-server', {
  revoke(made) {
    it('ends tokens issued until then, at once and recorded', async () => {
      const { contract, claims, targets, endedBy, recorded, by } = made();
      for (const { kind } of targets(claims())) {
        const token = claims();
        const target = targets(token).find((each) => each.kind === kind);
        if (target === undefined) throw new Error(`nothing of the kind ${kind}`);
        expect(endedBy(token), kind).toBeUndefined();
        const before = recorded();
        await contract.revoke(target, by, 'A test');
        expect(endedBy(token), kind).toBe(kind);
        expect(recorded(), kind).toBeGreaterThan(before);
      }
    });

    it('may be repeated', async () => {
      const { contract, claims, targets, endedBy, by } = made();
      const token = claims();
      const [target] = targets(token);
      if (target === undefined) throw new Error('nothing to revoke');
      await contract.revoke(target, by, 'A test');
      await contract.revoke(target, by, 'A test');
      expect(endedBy(token)).toBe(target.kind);
    });
  },
});
