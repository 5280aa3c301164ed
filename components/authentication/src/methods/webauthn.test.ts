import type { SignInNeed } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { html } from '@countersign/runtime';
import { optionsIn, personOf } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuthenticatorWorld, createAuthenticatorWorld, office } from '../testing/authenticator-world.ts';
import { broker } from '../testing/people.ts';
import type { MethodOutcome } from './method.ts';
import { webAuthnMethod } from './webauthn.ts';

const challenge = Buffer.alloc(32, 3).toString('base64url');
const anything: SignInNeed = { acrValues: [] };

describe('sign-in with a security key or passkey', () => {
  let world: AuthenticatorWorld;
  let number = 0;
  beforeAll(async () => {
    world = await createAuthenticatorWorld();
  });
  afterAll(() => world.close());

  async function somebody(options: Parameters<AuthenticatorWorld['key']>[0] = {}) {
    number += 1;
    const person = personOf(`w${number}`, broker);
    world.directory.add(person);
    const key = world.key(options);
    const node = world.node();
    const made = await world.enrol(node, person, key);
    return { person, key, made, node, method: webAuthnMethod(node.authenticators) };
  }
  type Somebody = Awaited<ReturnType<typeof somebody>>;
  const draw = ({ method }: Somebody, of?: Somebody, lang?: string) =>
    method.draw({
      ...{ action: '/sign-in/x', hidden: html``, cancel: html``, query: new Map(), need: anything, challenge },
      ...{ directory: world.directory.snapshot(), person: of?.person.id },
      ...defined({ lang }),
    });
  const attempt = (
    { method }: Somebody,
    credential: unknown,
    need: SignInNeed = anything,
    person?: Somebody['person'],
  ): Promise<MethodOutcome> =>
    method.attempt({
      fields: new Map(credential === undefined ? [] : [['credential', JSON.stringify(credential)]]),
      ...{
        directory: world.directory.snapshot(),
        challenge,
        shownAt: world.clock.now(),
        need,
        person: person?.id,
        address: '192.0.2.7',
        handle: 'x',
      },
    });
  const lastReason = () => world.audit.ofType('authenticator.refused').at(-1)?.reason;

  it('reveals nothing about anyone before a signature, and only the person’s own keys at a step-up', async () => {
    const one = await somebody();
    const open = String(await draw(one));
    expect(optionsIn(open)).toMatchObject({ challenge, allowCredentials: [], userVerification: 'required' });
    const named = String(await draw(one, one));
    expect(optionsIn(named)).toMatchObject({ allowCredentials: [{ id: one.made.credentialId }] });
    expect(named).toContain(one.person.id);
    expect(String(await draw(one, undefined, 'de'))).toContain('Sicherheitsschlüssel oder Passkey verwenden');
  });

  it.each<[string, Parameters<AuthenticatorWorld['key']>[0], string, readonly string[]]>([
    ['a key in hardware of a trusted maker', {}, 'phrh', ['pop', 'hwk', 'user']],
    ['a synced passkey', { backupEligible: true }, 'phr', ['pop', 'swk', 'user']],
    ['a key without attestation', { attestation: 'none' }, 'phr', ['pop', 'user']],
  ])('has the class that the key can prove, and no stronger one: %s', async (_what, options, acr, amr) => {
    const one = await somebody(options);
    expect(await attempt(one, one.key.get(optionsIn(String(await draw(one)))))).toEqual({
      ...{ outcome: 'identified', person: one.person.id, acr, amr, authenticator: one.made.id, boundToIntents: false },
    });
  });

  it('looks the same for every failure, and the log has the reason', async () => {
    const one = await somebody();
    const options = optionsIn(String(await draw(one)));
    const seen: (string | undefined)[] = [];
    const outcomes: MethodOutcome[] = [];
    const refused = async (credential: unknown) => {
      outcomes.push(await attempt(one, credential));
      seen.push(lastReason());
    };
    const unknown = world.key();
    unknown.create({ challenge, rp: { id: 'id.example' }, user: { id: 'AAAA' } });
    await refused(unknown.get(options));
    await refused(one.key.get(options, { challenge: Buffer.alloc(32, 4).toString('base64url') }));
    await refused(one.key.get(options, { origin: 'https://evil.example' }));
    await refused({ ...one.key.get(options), response: { ...one.key.get(options).response, userHandle: 'AAAA' } });
    await refused(undefined);
    await one.node.authenticators.lock(one.person.id, office, 'x');
    await refused(one.key.get(options));
    await one.node.authenticators.unlock(one.person.id, office, 'x');
    world.directory.remove(one.person.id);
    await refused(one.key.get(options));
    world.directory.add(one.person);
    await one.node.authenticators.revoke(one.made.id, office, 'x');
    await refused(one.key.get(options));

    expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
    expect(outcomes[0]).toMatchObject({ outcome: 'refused', code: 'credential_unknown' });
    expect(seen).toEqual([
      ...['credential_unknown', 'challenge_mismatch', 'origin_wrong', 'credential_unknown', 'credential_malformed'],
      ...['account_locked', 'person_unknown', 'credential_unknown'],
    ]);
    const [first] = world.audit.ofType('authenticator.refused');
    expect(first).toMatchObject({
      address: '192.0.2.7',
      data: { ceremony: 'sign-in', credential_sha256: expect.any(String) },
    });
    expect(first?.subject).toBeUndefined();
  });

  it('accepts nobody else at a step-up', async () => {
    const one = await somebody();
    const other = await somebody();
    const answer = other.key.get({ challenge, rpId: 'id.example' });
    expect(await attempt(one, answer, anything, one.person)).toMatchObject({
      outcome: 'refused',
      code: 'credential_unknown',
    });
    expect(await attempt(one, one.key.get({ challenge, rpId: 'id.example' }), anything, one.person)).toMatchObject({
      outcome: 'identified',
    });
  });

  it('tells a person who has used their key why it is too weak', async () => {
    const one = await somebody({ backupEligible: true });
    const answer = one.key.get({ challenge, rpId: 'id.example' });
    expect(await attempt(one, answer, { acrValues: ['phrh'] })).toMatchObject({
      outcome: 'refused',
      code: 'authenticator_too_weak',
    });
    expect(lastReason()).toBe('authenticator_too_weak');
  });

  it('records that the challenge included the intents of the sign-in', async () => {
    const one = await somebody();
    const intents = [one.made.kid];
    const answer = one.key.get({ challenge, rpId: 'id.example' });
    expect(await attempt(one, answer, { ...anything, intents })).toMatchObject({
      outcome: 'identified',
      boundToIntents: true,
    });
  });

  it('lets nobody in while nothing can be recorded', async () => {
    const one = await somebody();
    world.audit.breakDown('writing');
    try {
      await expect(attempt(one, undefined)).rejects.toThrow(expect.objectContaining({ code: 'log_unavailable' }));
    } finally {
      world.audit.repair();
    }
  });
});
