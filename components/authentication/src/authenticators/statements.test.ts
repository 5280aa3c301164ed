import { personOf } from '@countersign/testkit';
import { verifyStatement } from '@countersign/webauthn';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type AuthenticatorNode,
  type AuthenticatorWorld,
  createAuthenticatorWorld,
  office,
} from '../testing/authenticator-world.ts';
import { broker } from '../testing/people.ts';
import { addStatementType } from './registrations.ts';

describe('statements that people sign', () => {
  let world: AuthenticatorWorld;
  let node: AuthenticatorNode;
  let other: AuthenticatorNode;
  let number = 0;

  beforeAll(async () => {
    world = await createAuthenticatorWorld();
    node = world.node();
    other = world.node();
  });
  afterAll(() => world.close());
  beforeEach(() => {
    world.notices.length = 0;
    world.signals.length = 0;
    world.cut.length = 0;
  });
  const code = (wanted: string) => expect.objectContaining({ code: wanted });
  async function somebody(options: Parameters<AuthenticatorWorld['key']>[0] = {}, ...roles: readonly string[]) {
    number += 1;
    const person = personOf(`s${number}`, broker, ...roles);
    world.directory.add(person);
    const key = world.key(options);
    return { person, key, made: await world.enrol(node, person, key) };
  }
  const ask = (
    { id }: ReturnType<typeof personOf>,
    more: Partial<Parameters<typeof node.authenticators.ask>[0]> = {},
  ) => node.authenticators.ask({ person: id, claims: world.claims({ id }), ...more });
  const refusalsOf = ({ id }: { readonly id: string }) =>
    world.audit.ofType('authenticator.refused').filter(({ subject }) => subject?.id === id);

  it('can be verified later by anyone with the key of the record that they refer to', async () => {
    const { person, key, made } = await somebody();
    const claims = world.claims(person, {
      typ: 'countersign-approval+webauthn',
      txn: 'txn_1',
      amount: '12.50',
      note: '\u0000 "ä"',
    });
    const asked = await ask(person, { claims });
    const signed = await other.authenticators.consume({
      ...{ handle: asked.handle, person: person.id },
      credential: JSON.stringify(key.get(asked.options)),
    });
    expect(signed.claims).toEqual(claims);
    expect(signed.authenticator).toMatchObject({ id: made.id, acr: 'phrh', recordId: made.recordId });
    const jwk = world.audit.ofType('authenticator.registered').find(({ id }) => id === made.recordId)?.data;
    expect(
      verifyStatement({
        ...{ claims: signed.claims, signature: signed.signature },
        jwk: typeof jwk === 'object' && jwk !== null && 'jwk' in jwk ? jwk.jwk : undefined,
        expected: { rpId: 'id.example', origins: ['https://id.example'] },
      }),
    ).toMatchObject({ kid: made.kid });
    const [now] = await node.authenticators.of(person.id);
    expect(now?.lastUsedAt).toBeDefined();
  });

  it('count for nobody while the directory holds the same key for another person', async () => {
    const { person, key, made } = await somebody();
    const asked = await ask(person);
    const double = personOf('double', broker);
    world.directory.add({
      ...double,
      credentials: [{ kid: made.kid, principal: double.id, use: 'approval', jwk: made.jwk }],
    });
    const take = (handle: string, credential: unknown) =>
      node.authenticators.consume({ handle, person: person.id, credential });
    await expect(take(asked.handle, key.get(asked.options))).rejects.toThrow(code('credential_shared'));
    expect(refusalsOf(person)).toMatchObject([{ reason: 'credential_shared', outcome: 'deny' }]);
    world.directory.remove(double.id);
    const again = await ask(person);
    expect(await take(again.handle, key.get(again.options))).toMatchObject({ authenticator: { id: made.id } });
  });

  it('request only those keys of the person that qualify', async () => {
    const { person, made } = await somebody();
    const { options } = await ask(person);
    expect(options).toMatchObject({
      allowCredentials: [{ id: made.credentialId, transports: ['usb'] }],
      userVerification: 'required',
    });
    const weak = await somebody({ backupEligible: true });
    await expect(ask(weak.person, { acrValues: ['phrh'] })).rejects.toThrow(code('authenticator_none'));
    await expect(ask(personOf('nobody', broker))).rejects.toThrow(code('authenticator_none'));
  });

  it('are accepted once on any node, and only from the person', async () => {
    const { person, key } = await somebody();
    const stranger = await somebody();
    const asked = await ask(person);
    const answer = key.get(asked.options);
    const take = (at: AuthenticatorNode, of = person) =>
      at.authenticators.consume({ handle: asked.handle, person: of.id, credential: answer });
    await expect(take(other, stranger.person)).rejects.toThrow(code('challenge_unknown'));
    const both = await Promise.allSettled([take(node), take(other)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await expect(take(node)).rejects.toThrow(code('challenge_unknown'));
    expect(refusalsOf(person).map(({ reason }) => reason)).toEqual(['challenge_unknown', 'challenge_unknown']);
    expect(refusalsOf(stranger.person)).toMatchObject([
      { reason: 'challenge_unknown', data: { ceremony: 'statement' } },
    ]);
  });

  it('expire after two minutes', async () => {
    const { person, key } = await somebody();
    const asked = await ask(person);
    world.clock.advance(120_001);
    await expect(
      node.authenticators.consume({ handle: asked.handle, person: person.id, credential: key.get(asked.options) }),
    ).rejects.toThrow(code('challenge_unknown'));
  });

  it.each<[string, Parameters<ReturnType<AuthenticatorWorld['key']>['get']>[1], string]>([
    ['another origin', { origin: 'https://id.example.evil.test' }, 'origin_wrong'],
    ['another RP id', { rpId: 'evil.test' }, 'rp_id_wrong'],
    ['another challenge', { challenge: Buffer.alloc(32, 7).toString('base64url') }, 'challenge_mismatch'],
    ['a key without a touch', { userPresent: false }, 'user_not_present'],
    ['a key that did not ask who it is', { userVerified: false }, 'user_not_verified'],
    ['a key that can suddenly be copied', { backupEligible: true }, 'backup_flags_changed'],
    ['a frame of another page', { crossOrigin: true }, 'origin_wrong'],
  ])('are refused with %s, and the record says why', async (_what, behaviour, reason) => {
    const { person, key, made } = await somebody();
    const asked = await ask(person);
    await expect(
      node.authenticators.consume({
        handle: asked.handle,
        person: person.id,
        credential: key.get(asked.options, behaviour),
      }),
    ).rejects.toThrow(code(reason));
    expect(refusalsOf(person)).toMatchObject([
      { reason, data: { ceremony: 'statement', authenticator: made.id, statement_type: 'test+webauthn' } },
    ]);
    // The attempt uses up the challenge.
    await expect(
      node.authenticators.consume({ handle: asked.handle, person: person.id, credential: key.get(asked.options) }),
    ).rejects.toThrow(code('challenge_unknown'));
  });

  it.each([undefined, '', 'null', '{}', '[]', '{"id":1}', 'x'.repeat(200_000), { type: 'public-key' }])(
    'are refused when malformed (%#)',
    async (credential) => {
      const { person } = await somebody();
      const { handle } = await ask(person);
      await expect(node.authenticators.consume({ handle, person: person.id, credential })).rejects.toThrow(
        code('credential_malformed'),
      );
    },
  );

  it('are refused with another person’s key, whatever the challenge', async () => {
    const { person } = await somebody();
    const stranger = await somebody();
    const asked = await ask(person);
    const forged = stranger.key.get({ challenge: optionOf(asked.options, 'challenge'), rpId: 'id.example' });
    await expect(
      node.authenticators.consume({ handle: asked.handle, person: person.id, credential: forged }),
    ).rejects.toThrow(code('credential_unknown'));
    expect(refusalsOf(stranger.person)).toMatchObject([{ reason: 'credential_unknown' }]);
  });

  it('suspend a key whose counter goes back: recorded, notified, signalled, sessions ended', async () => {
    const { person, key, made } = await somebody();
    const use = async (behaviour: Parameters<typeof key.get>[1] = {}) => {
      const asked = await ask(person);
      return node.authenticators.consume({
        handle: asked.handle,
        person: person.id,
        credential: key.get(asked.options, behaviour),
      });
    };
    await use({ counter: 50 });
    await expect(use({ counter: 50 })).rejects.toThrow(code('counter_rolled_back'));
    const suspected = world.audit.ofType('authenticator.suspected').filter(({ subject }) => subject?.id === person.id);
    expect(suspected).toMatchObject([{ data: { authenticator: made.id } }]);
    expect(refusalsOf(person)).toMatchObject([{ reason: 'counter_rolled_back' }]);
    expect(world.notices.at(-1)).toMatchObject({ to: person.id, kind: 'authenticator-suspected' });
    expect(world.signals).toMatchObject([{ person: person.id, name: 'credential-compromised' }]);
    expect(world.cut).toEqual([{ person: person.id, reason: 'authenticator_suspected' }]);
    const [stored] = await other.authenticators.of(person.id);
    expect(stored?.suspendedAt).toBeDefined();
    // From now on the key counts for nothing.
    await expect(ask(person)).rejects.toThrow(code('authenticator_none'));
  });

  it('suspend nobody who confirms two pages in reverse order; the overtaken one must be repeated', async () => {
    const { person, key } = await somebody();
    const asked = [await ask(person), await ask(person), await ask(person)] as const;
    const take = ({ handle, options }: (typeof asked)[number], counter: number) =>
      node.authenticators.consume({ handle, person: person.id, credential: key.get(options, { counter }) });
    await take(asked[2], 13);
    await expect(take(asked[0], 11)).rejects.toThrow(code('answer_overtaken'));
    await expect(take(asked[1], 12)).rejects.toThrow(code('answer_overtaken'));
    expect(refusalsOf(person)).toMatchObject([{ reason: 'answer_overtaken' }, { reason: 'answer_overtaken' }]);
    const [stored] = await other.authenticators.of(person.id);
    expect(stored?.suspendedAt).toBeUndefined();
    await take(await ask(person), 14);
  });

  it.each([
    ['gave a count again that it had given', [20, 22, 20], 0],
    ['is behind what it had counted to before any open question was asked', [30, 31, 29], 700_000],
    ['counts on from before, asked after a copy had counted further', [40, 400, 41], 60_000],
  ])('suspend a key that %s', async (_, [first, second, third], laterMs) => {
    const { person, key } = await somebody();
    const use = async (counter: number | undefined) => {
      const { handle, options } = await ask(person);
      const credential = key.get(options, counter === undefined ? {} : { counter });
      return node.authenticators.consume({ handle, person: person.id, credential });
    };
    await use(first);
    world.clock.advance(laterMs);
    await use(second);
    world.clock.advance(laterMs);
    await expect(use(third)).rejects.toThrow(code('counter_rolled_back'));
    const [stored] = await other.authenticators.of(person.id);
    expect(stored?.suspendedAt).toBeDefined();
  });

  it('suspend nobody because of an unsigned counter from a stranger', async () => {
    const { person, key, made } = await somebody();
    const first = await ask(person);
    await node.authenticators.consume({
      handle: first.handle,
      person: person.id,
      credential: key.get(first.options, { counter: 9 }),
    });
    const asked = await ask(person);
    const answer = key.get(asked.options, { counter: 3 });
    const signature = Buffer.from(answer.response.signature, 'base64url');
    signature.writeUInt8(signature.readUInt8(20) ^ 1, 20);
    const credential = { ...answer, response: { ...answer.response, signature: signature.toString('base64url') } };
    await expect(node.authenticators.consume({ handle: asked.handle, person: person.id, credential })).rejects.toThrow(
      code('signature_wrong'),
    );
    const [stored] = await node.authenticators.of(person.id);
    expect(stored).toMatchObject({ id: made.id });
    expect(stored?.suspendedAt).toBeUndefined();
  });

  it('accept a counter value once for two simultaneous uses on two nodes, and keep keys without a counter', async () => {
    const { person, key } = await somebody();
    const asked = [await ask(person), await ask(person)];
    const answers = asked.map(({ options }) => key.get(options, { counter: 77 }));
    const results = await Promise.allSettled(
      [node, other].map(({ authenticators }, index) =>
        authenticators.consume({ handle: asked[index]?.handle, person: person.id, credential: answers[index] }),
      ),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);

    const silent = await somebody({ counts: false });
    for (let use = 0; use < 3; use += 1) {
      const question = await ask(silent.person);
      await node.authenticators.consume({
        ...{ handle: question.handle, person: silent.person.id },
        credential: silent.key.get(question.options),
      });
    }
  });

  it('stop when the person is locked or has left, or the institution may not act', async () => {
    const { person, key } = await somebody();
    const asked = await ask(person);
    const answer = key.get(asked.options);
    await node.authenticators.lock(person.id, office, 'x');
    await expect(ask(person)).rejects.toThrow(code('account_locked'));
    await expect(
      node.authenticators.consume({ handle: asked.handle, person: person.id, credential: answer }),
    ).rejects.toThrow(code('account_locked'));

    const leaver = await somebody();
    const question = await ask(leaver.person);
    const last = leaver.key.get(question.options);
    world.directory.remove(leaver.person.id);
    await expect(
      node.authenticators.consume({ handle: question.handle, person: leaver.person.id, credential: last }),
    ).rejects.toThrow(code('person_unknown'));
    expect(refusalsOf(leaver.person)).toMatchObject([{ reason: 'person_unknown' }]);
  });

  it('let a person add a second key with the first, and remove all but the last', async () => {
    const { person, key, made } = await somebody();
    const second = world.key();
    const claims = world.claims(person, { typ: addStatementType });
    const asked = await ask(person, { claims });
    const statement = await node.authenticators.consume({
      handle: asked.handle,
      person: person.id,
      credential: key.get(asked.options),
    });
    const { handle, options } = await node.authenticators.registrationFor(person.id, statement);
    expect(options).toMatchObject({ excludeCredentials: [{ id: made.credentialId }] });
    expect(() => key.create(options)).toThrow('registered already');
    const added = await other.authenticators.register({
      handle,
      person: person.id,
      credential: second.create(options),
      name: 'spare',
    });
    const record = world.audit.ofType('authenticator.registered').find(({ id }) => id === added.recordId);
    expect(record).toMatchObject({ references: [made.recordId], data: { by: made.id } });
    expect(await node.authenticators.invitersOf(person.id)).toEqual([office.id]);

    await node.authenticators.removeOwn(person.id, made.id);
    await expect(other.authenticators.removeOwn(person.id, added.id)).rejects.toThrow(code('authenticator_last'));
    await expect(node.authenticators.removeOwn(person.id, made.id)).rejects.toThrow(code('authenticator_not_found'));
    expect(world.notices.map(({ kind }) => kind)).toEqual([
      'authenticator-added',
      'authenticator-added',
      'authenticator-removed',
    ]);
    // A signature of the first key no longer opens anything.
    await expect(
      node.authenticators.registrationFor(person.id, { ...statement, claims: world.claims(person) }),
    ).rejects.toThrow('does not permit a registration');
    const again = await node.authenticators.registrationFor(person.id, statement);
    await expect(
      node.authenticators.register({
        handle: again.handle,
        person: person.id,
        credential: world.key().create(again.options),
        name: '',
      }),
    ).rejects.toThrow(code('authenticator_not_found'));
    world.clock.advance(301_000);
    await expect(node.authenticators.registrationFor(person.id, statement)).rejects.toThrow(code('challenge_unknown'));
  });

  it('keep at most thirty-two open challenges of one person', async () => {
    const { person, key } = await somebody();
    const first = await ask(person);
    for (let index = 0; index < 33; index += 1) {
      world.clock.advance(1);
      await ask(person);
    }
    await expect(
      node.authenticators.consume({ handle: first.handle, person: person.id, credential: key.get(first.options) }),
    ).rejects.toThrow(code('challenge_unknown'));
  });
});

function optionOf(options: unknown, name: string): string {
  const value =
    typeof options === 'object' && options !== null ? new Map(Object.entries(options)).get(name) : undefined;
  if (typeof value !== 'string') throw new Error(`no ${name}`);
  return value;
}
