import type { Authenticator, PrincipalId, Statements } from '@countersign/contracts';
import { expect, it } from 'vitest';
import { codeOf } from '../code-of.ts';
import type { FixedClock } from '../fixed-clock.ts';
import { suiteOf, type UnderTest } from './suite.ts';

interface WithPeople {
  /** A person of the directory without a key. */
  somebody(): PrincipalId;
  /** Registers a key for a person whom {@link inviter} invited. */
  enrol(person: PrincipalId): Promise<{
    readonly authenticator: Authenticator;
    /** The browser's response when the person touches the key. */
    readonly sign: (options: unknown) => unknown;
  }>;
  lock(person: PrincipalId): Promise<unknown>;
}

export interface AuthenticatorsUnderTest extends UnderTest<'authenticators'>, WithPeople {
  readonly inviter: string;
}

/** People's authenticators, for components that rely on them. */
export const describeAuthenticators = suiteOf<'authenticators', AuthenticatorsUnderTest>('authenticators', {
  of(made) {
    it('lists a person’s authenticators in order of registration, and nobody else’s', async () => {
      const { contract, somebody, enrol } = made();
      const [person, other] = [somebody(), somebody()];
      const { authenticator } = await enrol(person);
      await enrol(other);
      expect(await contract.of(person)).toMatchObject([{ id: authenticator.id, person, kid: authenticator.kid }]);
      expect(await contract.of(somebody())).toEqual([]);
    });
  },

  isLocked(made) {
    it('is true for a locked person, and for nobody else', async () => {
      const { contract, somebody, lock } = made();
      const [person, other] = [somebody(), somebody()];
      expect(await contract.isLocked(person)).toBe(false);
      await lock(person);
      expect([await contract.isLocked(person), await contract.isLocked(other)]).toEqual([true, false]);
    });
  },

  invitersOf(made) {
    it('names who invited a person', async () => {
      const { contract, somebody, enrol, inviter } = made();
      const person = somebody();
      expect(await contract.invitersOf(person)).toEqual([]);
      await enrol(person);
      expect(await contract.invitersOf(person)).toEqual([inviter]);
    });
  },
});

export interface StatementsUnderTest extends UnderTest<'statements'>, WithPeople {
  readonly clock: FixedClock;
  claims(person: PrincipalId): Parameters<Statements['ask']>[0]['claims'];
}

/** Statements that people sign with their keys, once each. */
export const describeStatements = suiteOf<'statements', StatementsUnderTest>('statements', {
  ask(made) {
    it('names the person’s keys, and the expiry', async () => {
      const { contract, somebody, enrol, claims, clock } = made();
      const person = somebody();
      const { authenticator } = await enrol(person);
      const asked = await contract.ask({ person, claims: claims(person) });
      expect(asked.options).toMatchObject({ allowCredentials: [{ id: authenticator.credentialId }] });
      expect(Date.parse(asked.expiresAt)).toBe(clock.now() + 120_000);
      const longer = await contract.ask({ person, claims: claims(person), lifeSeconds: 600 });
      expect(Date.parse(longer.expiresAt)).toBe(clock.now() + 600_000);
      expect(longer.handle).not.toBe(asked.handle);
    });

    it('refuses a person without a suitable key, and a locked one', async () => {
      const { contract, somebody, enrol, lock, claims } = made();
      const person = somebody();
      expect(await codeOf(contract.ask({ person, claims: claims(person) }))).toBe('authenticator_none');
      await enrol(person);
      expect(await codeOf(contract.ask({ person, claims: claims(person), acrValues: ['urn:example:none'] }))).toBe(
        'authenticator_none',
      );
      await lock(person);
      expect(await codeOf(contract.ask({ person, claims: claims(person) }))).toBe('account_locked');
    });
  },

  consume(made) {
    async function asked() {
      const { contract, somebody, enrol, claims } = made();
      const person = somebody();
      const { authenticator, sign } = await enrol(person);
      const said = claims(person);
      const { handle, options } = await contract.ask({ person, claims: said });
      return { person, authenticator, said, handle, credential: sign(options) };
    }

    it('returns what was signed, with its key, once', async () => {
      const { contract } = made();
      const { person, authenticator, said, handle, credential } = await asked();
      const taken = await contract.consume({ handle, person, credential });
      expect(taken).toMatchObject({ claims: said, authenticator: { id: authenticator.id, person } });
      expect(await codeOf(contract.consume({ handle, person, credential }))).toBe('challenge_unknown');
    });

    it('answers one of two concurrent calls', async () => {
      const { contract } = made();
      const { person, handle, credential } = await asked();
      const both = await Promise.allSettled([
        contract.consume({ handle, person, credential }),
        contract.consume({ handle, person, credential }),
      ]);
      expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    });

    it('refuses a challenge that never existed, of somebody else, or expired', async () => {
      const { contract, clock, somebody } = made();
      const { person, handle, credential } = await asked();
      for (const unknown of [undefined, 'made-up'])
        expect(await codeOf(contract.consume({ handle: unknown, person, credential }))).toBe('challenge_unknown');
      expect(await codeOf(contract.consume({ handle, person: somebody(), credential }))).toBe('challenge_unknown');
      const late = await asked();
      clock.advance(120_000);
      expect(await codeOf(contract.consume({ ...late, credential: late.credential }))).toBe('challenge_unknown');
    });

    it('refuses somebody else’s key, and a signature over something else', async () => {
      const { contract } = made();
      const [one, other] = [await asked(), await asked()];
      expect(await codeOf(contract.consume({ ...one, credential: other.credential }))).toBe('credential_unknown');
      const { person, handle } = other;
      const [first, second] = [await asked(), await asked()];
      expect(await codeOf(contract.consume({ handle, person, credential: 'no credential' }))).not.toBe(
        'nothing was refused',
      );
      expect(
        await codeOf(contract.consume({ handle: first.handle, person: first.person, credential: second.credential })),
      ).toBe('credential_unknown');
    });
  },
});
