import { defined } from '@countersign/kernel';
import { importVerificationKey } from '@countersign/oauth';
import { personOf } from '@countersign/testkit';
import { createAttestationAuthority } from '@countersign/webauthn/software-authenticator';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type AuthenticatorNode,
  type AuthenticatorWorld,
  createAuthenticatorWorld,
  office,
} from '../testing/authenticator-world.ts';
import { broker } from '../testing/people.ts';

describe('authenticators of people', () => {
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
  const somebody = (...roles: readonly string[]) => {
    number += 1;
    const person = personOf(`p${number}`, broker, ...roles);
    world.directory.add(person);
    return person;
  };
  const code = (wanted: string) => expect.objectContaining({ code: wanted });
  const recordsOf = (person: { readonly id: string }, type: Parameters<typeof world.audit.ofType>[0]) =>
    world.audit.drafts.filter((draft) => draft.type === type && draft.subject?.id === person.id);

  it('start with an invitation, which is recorded with its evidence and stored only as a hash', async () => {
    const person = somebody();
    const { path, expiresAt, recordId } = await node.authenticators.invite(
      { person: person.id, evidence: [' passport seen, file 12 '], lifeHours: 2 },
      office,
    );
    expect(path).toMatch(/^\/enrol\/[\w-]{43}$/);
    expect(Date.parse(expiresAt)).toBe(world.clock.now() + 2 * 3_600_000);
    expect(recordsOf(person, 'authenticator.invited')).toMatchObject([
      { id: recordId, actors: [office], data: { evidence: ['passport seen, file 12'], expires_at: expiresAt } },
    ]);
    const { rows } = await world.database.pool('authentication').query('select * from authenticator_invitations');
    expect(JSON.stringify(rows)).not.toContain(path.slice(7));
    expect(await node.authenticators.invitersOf(person.id)).toEqual([office.id]);
  });

  it('are registered with key, model and attestation, and the person is notified', async () => {
    const person = somebody();
    const key = world.key();
    const made = await world.enrol(node, person, key);
    expect(made).toMatchObject({
      acr: 'phrh',
      attested: true,
      backupEligible: false,
      name: 'blue key',
      aaguid: key.aaguid,
    });
    const [record] = recordsOf(person, 'authenticator.registered');
    const [invited] = recordsOf(person, 'authenticator.invited');
    expect(record).toMatchObject({
      id: made.recordId,
      references: [invited?.id],
      data: {
        ...{ authenticator: made.id, kid: made.kid, jwk: made.jwk, credential_id: made.credentialId },
        ...{
          attested: true,
          attestation_format: 'packed',
          backup_eligible: false,
          rp_id: 'id.example',
          invitation: invited?.id,
        },
      },
      protectedValues: [{ path: '/data/name', kind: 'personal', subject: person.id, value: 'blue key' }],
    });
    expect(JSON.stringify(record?.data)).not.toContain('blue key');
    expect(world.notices).toMatchObject([{ to: person.id, kind: 'authenticator-added' }]);
    expect(await other.authenticators.of(person.id)).toEqual([made]);
    expect(await node.authenticators.invitersOf(person.id)).toEqual([office.id]);
  });

  it.each<[string, Parameters<AuthenticatorWorld['key']>[0], string]>([
    ['a synced passkey of a trusted maker', { backupEligible: true }, 'phr'],
    ['a self-attested key', { attestation: 'self' }, 'phr'],
    ['a key without attestation', { attestation: 'none' }, 'phr'],
    ['a key of an untrusted maker', { authority: createAttestationAuthority() }, 'phr'],
  ])('have only the class that they can prove: %s', async (_what, options, acr) => {
    const key = world.key(options);
    expect(await world.enrol(node, somebody(), key)).toMatchObject({ acr });
  });

  it('stay with one person: a credential is not registered a second time for anyone else', async () => {
    const first = somebody();
    const key = world.key();
    const made = await world.enrol(node, first, key);
    await node.authenticators.revoke(made.id, office, 'lost');
    // The same credential answers another person's challenge, as a manipulated authenticator would.
    const second = somebody();
    const { path } = await node.authenticators.invite({ person: second.id, evidence: ['f'] }, office);
    const asked = await node.authenticators.askInvited(path.slice(7));
    const saved = key.save()[0];
    const twin = world.key({
      random: { bytes: () => new Uint8Array(Buffer.from(saved?.credentialId ?? '', 'base64url')) },
    });
    await expect(
      node.authenticators.register({
        handle: asked.handle,
        person: second.id,
        credential: twin.create(asked.options),
        name: '',
      }),
    ).rejects.toThrow(code('credential_registered'));
    expect(recordsOf(second, 'authenticator.refused')).toMatchObject([
      { reason: 'credential_registered', data: { ceremony: 'registration', aaguid: key.aaguid } },
    ]);
  });

  it('are not registered with a key that the directory holds for another person', async () => {
    const person = somebody();
    const key = world.key();
    const { path } = await node.authenticators.invite({ person: person.id, evidence: ['f'] }, office);
    const asked = await node.authenticators.askInvited(path.slice(7));
    const credential = key.create(asked.options);
    const { d: _, ...publicPart } = key.save()[0]?.key ?? {};
    const { thumbprint: kid } = importVerificationKey(publicPart);
    const holder = personOf('holder', broker);
    world.directory.add({ ...holder, credentials: [{ kid, principal: holder.id, use: 'approval', jwk: {} }] });
    await expect(
      node.authenticators.register({ handle: asked.handle, person: person.id, credential, name: '' }),
    ).rejects.toThrow(code('credential_shared'));
    expect(recordsOf(person, 'authenticator.refused')).toMatchObject([{ reason: 'credential_shared' }]);
  });

  it('are not invited a second time, however the first invitation ended: recovery exists for that', async () => {
    const person = somebody();
    const made = await world.enrol(node, person, world.key());
    const invite = (recovery?: typeof made.recordId) =>
      other.authenticators.invite({ person: person.id, evidence: ['x'], ...defined({ recovery }) }, office);
    await expect(invite()).rejects.toThrow(code('recovery_needed'));
    await expect(invite(made.recordId)).rejects.toThrow(code('recovery_needed'));
    expect(await node.authenticators.revokeAllOf(person.id, office, 'key lost')).toBe(1);
    expect(await node.authenticators.revokeAllOf(person.id, office, 'key lost')).toBe(0);
    expect(await node.authenticators.everHad(person.id)).toBe(true);
    await expect(invite()).rejects.toThrow(code('recovery_needed'));
    expect(recordsOf(person, 'authenticator.invited')).toHaveLength(1);
    // The attempt is recorded with its actor.
    expect(recordsOf(person, 'authenticator.refused')).toMatchObject(
      Array(3).fill({ reason: 'recovery_needed', actors: [office], data: { ceremony: 'invitation' } }),
    );
    const { path } = await invite(made.recordId);
    const asked = await node.authenticators.askInvited(path.slice(7));
    await node.authenticators.register({
      handle: asked.handle,
      person: person.id,
      credential: world.key().create(asked.options),
      name: '',
    });
    expect(recordsOf(person, 'authenticator.invited')[1]).toMatchObject({
      references: [made.recordId],
      data: { recovery: made.recordId },
    });
    expect(await node.authenticators.of(person.id)).toMatchObject([{ name: 'Key 1' }]);
  });

  it('are registered from an invitation once, even from two browsers on two nodes at once', async () => {
    const person = somebody();
    const { path } = await node.authenticators.invite({ person: person.id, evidence: ['x'] }, office);
    const secret = path.slice(7);
    const asked = [await node.authenticators.askInvited(secret), await other.authenticators.askInvited(secret)];
    const results = await Promise.allSettled(
      [node, other].map(({ authenticators }, index) =>
        authenticators.register({
          handle: asked[index]?.handle,
          person: person.id,
          credential: world.key().create(asked[index]?.options),
          name: '',
        }),
      ),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await node.authenticators.of(person.id)).toHaveLength(1);
    expect(await node.authenticators.invitationOf(secret)).toBeUndefined();
    expect(recordsOf(person, 'authenticator.registered')).toHaveLength(1);
    expect(recordsOf(person, 'authenticator.refused')).toMatchObject([{ reason: 'invitation_unknown' }]);
  });

  it('are refused once the invitation has expired or was replaced, or the person is locked or has left', async () => {
    const person = somebody();
    const invite = () => node.authenticators.invite({ person: person.id, evidence: ['x'] }, office);
    const first = (await invite()).path.slice(7);
    const asked = await node.authenticators.askInvited(first);
    const second = (await invite()).path.slice(7);
    expect(await node.authenticators.invitationOf(first)).toBeUndefined();
    const send = ({ handle, options }: typeof asked) =>
      node.authenticators.register({ handle, person: person.id, credential: world.key().create(options), name: '' });
    await expect(send(asked)).rejects.toThrow(code('invitation_unknown'));
    await expect(send(asked)).rejects.toThrow(code('challenge_unknown'));

    const open = await node.authenticators.askInvited(second);
    await node.authenticators.lock(person.id, office, 'lost laptop');
    await expect(send(open)).rejects.toThrow(code('account_locked'));
    await expect(node.authenticators.askInvited(second)).rejects.toThrow(code('account_locked'));
    await expect(invite()).rejects.toThrow(code('account_locked'));
    await node.authenticators.unlock(person.id, office, 'found');

    const late = await node.authenticators.askInvited(second);
    world.clock.advance(301_000);
    await expect(send(late)).rejects.toThrow(code('challenge_unknown'));
    world.clock.advance(25 * 3_600_000);
    await expect(node.authenticators.askInvited(second)).rejects.toThrow(code('invitation_unknown'));

    const third = (await invite()).path.slice(7);
    const gone = await node.authenticators.askInvited(third);
    world.directory.remove(person.id);
    await expect(send(gone)).rejects.toThrow(code('person_unknown'));
    expect(recordsOf(person, 'authenticator.refused').map(({ reason }) => reason)).toEqual([
      ...['invitation_unknown', 'challenge_unknown', 'account_locked', 'account_locked'],
      ...['challenge_unknown', 'person_unknown'],
    ]);
    expect(await node.authenticators.everHad(person.id)).toBe(false);
  });

  it.each<[string, readonly string[], number | undefined]>([
    ['no evidence', [], undefined],
    ['evidence that says nothing', [' '], undefined],
    ['evidence of two lines', ['a\nb'], undefined],
    ['too much evidence', Array.from({ length: 11 }, () => 'x'), undefined],
    ['a long reference', ['x'.repeat(201)], undefined],
    ['too long a life', ['x'], 73],
    ['no life', ['x'], 0],
  ])('are not invited with %s', async (_what, evidence, lifeHours) => {
    const person = somebody();
    await expect(
      node.authenticators.invite({ person: person.id, evidence, ...defined({ lifeHours }) }, office),
    ).rejects.toThrow(code('invitation_malformed'));
    expect(recordsOf(person, 'authenticator.invited')).toEqual([]);
  });

  it('are locked together with the sessions, and the person is notified; each lock is recorded once and can be lifted', async () => {
    const person = somebody();
    const lock = () => node.authenticators.lock(person.id, office, 'device stolen');
    await lock();
    await lock();
    expect(await other.authenticators.isLocked(person.id)).toBe(true);
    expect(recordsOf(person, 'account.locked')).toMatchObject([
      { actors: [office], data: { reason: 'device stolen' } },
    ]);
    // Each repetition ends the sessions again.
    expect(world.cut).toEqual([1, 2].map(() => ({ person: person.id, reason: 'account_locked' })));
    // A partner that vouches for the locked person gets no token either, because the policies see the signal.
    const signalled = () => world.signals.filter((signal) => signal.person === person.id).map(({ name }) => name);
    expect(new Set(signalled())).toEqual(new Set(['account-disabled']));
    await other.authenticators.unlock(person.id, office, 'found');
    await other.authenticators.unlock(person.id, office, 'found');
    expect(await node.authenticators.isLocked(person.id)).toBe(false);
    expect(signalled()).toEqual([]);
    expect(recordsOf(person, 'account.unlocked')).toHaveLength(1);
    expect(world.notices.map(({ kind }) => kind)).toEqual(['account-locked', 'account-unlocked']);
  });

  it('change nothing that cannot be recorded', async () => {
    const person = somebody();
    const made = await world.enrol(node, person, world.key());
    world.audit.breakDown('writing');
    const newcomer = somebody();
    try {
      await expect(node.authenticators.invite({ person: newcomer.id, evidence: ['x'] }, office)).rejects.toThrow(
        code('log_unavailable'),
      );
      await expect(node.authenticators.revoke(made.id, office, 'x')).rejects.toThrow(code('log_unavailable'));
      await expect(node.authenticators.lock(person.id, office, 'x')).rejects.toThrow(code('log_unavailable'));
    } finally {
      world.audit.repair();
    }
    expect(await node.authenticators.of(person.id)).toHaveLength(1);
    expect(await node.authenticators.isLocked(person.id)).toBe(false);
    expect(await node.authenticators.invitersOf(newcomer.id)).toEqual([]);
  });

  it('are removed when a person leaves, and kept when a person moves', async () => {
    const person = somebody();
    await world.enrol(node, person, world.key());
    const { departureEffect } = node.authenticators;
    const at = new Date(world.clock.now()).toISOString();
    const departure = { principal: person.id, at, by: office, reason: 'left the firm' };
    expect(await departureEffect.end({ ...departure, kind: 'move' })).toEqual({ ended: 0 });
    expect(await departureEffect.end({ ...departure, kind: 'leave', at: '2020-01-01T00:00:00.000Z' })).toEqual({
      ended: 0,
    });
    expect(await departureEffect.end({ ...departure, kind: 'leave' })).toEqual({ ended: 1 });
    expect(await departureEffect.end({ ...departure, kind: 'leave' })).toEqual({ ended: 0 });
    expect(await node.authenticators.of(person.id)).toEqual([]);
    expect(recordsOf(person, 'authenticator.removed')).toMatchObject([{ data: { reason: 'left the firm' } }]);
  });

  it('have a name of one line of at most sixty characters', async () => {
    const person = somebody();
    const made = await world.enrol(node, person, world.key());
    const renamed = await node.authenticators.renameOwn(person.id, made.id, `  m\u202ey\u0000\n ${'ä'.repeat(80)}`);
    expect(renamed.name).toBe(`my ${'ä'.repeat(57)}`);
    expect(await other.authenticators.of(person.id)).toMatchObject([{ name: renamed.name }]);
    expect(JSON.stringify(recordsOf(person, 'authenticator.renamed')[0]?.data)).not.toContain('ä');
    await expect(node.authenticators.renameOwn(somebody().id, made.id, 'mine')).rejects.toThrow(
      code('authenticator_not_found'),
    );
  });

  it('lose their challenges and invitations once these have expired', async () => {
    const person = somebody();
    const { path } = await node.authenticators.invite({ person: person.id, evidence: ['x'] }, office);
    await node.authenticators.askInvited(path.slice(7));
    world.clock.advance(73 * 3_600_000);
    expect(await node.authenticators.deleteExpired(world.clock.now(), 1_000)).toBeGreaterThan(0);
    expect(await node.authenticators.deleteExpired(world.clock.now(), 1_000)).toBe(0);
  });
});
