import { ended, type RecordDraft, standing } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { personOf } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type AuthenticatorNode,
  type AuthenticatorWorld,
  createAuthenticatorWorld,
  office,
} from '../testing/authenticator-world.ts';
import { broker } from '../testing/people.ts';

let world: AuthenticatorWorld;
let node: AuthenticatorNode;
let other: AuthenticatorNode;
let number = 0;
let person: ReturnType<typeof personOf>;

beforeAll(async () => {
  world = await createAuthenticatorWorld();
  node = world.node();
  other = world.node();
});
afterAll(() => world.close());
beforeEach(() => {
  number += 1;
  person = personOf(`i${number}`, broker);
  world.directory.add(person);
  for (const list of [world.notices, world.signals, world.cut]) list.length = 0;
});

const withCode = (code: string) => expect.objectContaining({ code });
const recordsOf = (type: RecordDraft['type']) =>
  world.audit.drafts.filter((draft) => draft.type === type && draft.subject?.id === person.id);
const noticeKinds = () => world.notices.map(({ kind }) => kind);
const invite = (recovery?: ReturnType<typeof recordIdOf>) =>
  other.authenticators.invite({ person: person.id, evidence: ['file 7'], ...defined({ recovery }) }, office);
function recordIdOf(type: RecordDraft['type']) {
  const id = recordsOf(type).at(-1)?.id;
  if (id === undefined) throw new Error(`there is no ${type}`);
  return id;
}

/** The process that runs this stops between the record and the row; another one continues. */
async function interrupted(type: RecordDraft['type'], act: () => Promise<unknown>) {
  world.dieAfter(type);
  await expect(act()).rejects.toThrow('the process died');
}
async function signs(key: ReturnType<AuthenticatorWorld['key']>, counter?: number) {
  const asked = await other.authenticators.ask({ person: person.id, claims: world.claims(person) });
  const { handle } = asked;
  const credential = key.get(asked.options, counter === undefined ? {} : { counter });
  return other.authenticators.consume({ handle, person: person.id, credential });
}
/** Signs in with the key of any person. */
async function signsIn(key: ReturnType<AuthenticatorWorld['key']>) {
  const challenge = Buffer.alloc(32, number).toString('base64url');
  const options = await other.authenticators.signInOptions(challenge, undefined);
  return other.authenticators.acceptSignIn({
    ...{ credential: key.get(options), challenge, askedAt: world.clock.now(), person: undefined, acrValues: [] },
    address: undefined,
  });
}

describe('a process that stops between the record of an account and its row', () => {
  it('leaves a registered key usable: it signs its person in', async () => {
    const key = world.key();
    await interrupted('authenticator.registered', () => world.enrol(node, person, key));
    expect(await signsIn(key)).toMatchObject({ authenticator: { person: person.id, kid: expect.any(String) } });
    expect(await other.authenticators.of(person.id)).toMatchObject([
      { name: 'Key 1', recordId: recordIdOf('authenticator.registered') },
    ]);
    expect(recordsOf('authenticator.registered')).toHaveLength(1);
    expect(noticeKinds()).toEqual(['authenticator-added']);
  });

  it('leaves nobody without a key and without an invitation: the next invitation completes the registration', async () => {
    const key = world.key();
    await interrupted('authenticator.registered', () => world.enrol(node, person, key));
    await expect(invite()).rejects.toThrow(withCode('recovery_needed'));
    expect(await other.authenticators.of(person.id)).toHaveLength(1);
    await expect(signs(key)).resolves.toMatchObject({ authenticator: { person: person.id } });
  });

  it('protects no key from removal: a key that is only recorded is removed with the others', async () => {
    const key = world.key();
    await interrupted('authenticator.registered', () => world.enrol(node, person, key));
    expect(await other.authenticators.revokeAllOf(person.id, office, 'stolen')).toBe(1);
    await expect(signsIn(key)).rejects.toThrow(withCode('credential_unknown'));
    expect(await other.authenticators.of(person.id)).toEqual([]);
    expect(recordsOf('authenticator.removed')).toHaveLength(1);
  });

  it('leaves the invitation of the registered key closed and opens no second one', async () => {
    const { path } = await invite();
    const asked = await node.authenticators.askInvited(path.slice(7));
    const credential = world.key().create(asked.options);
    const { handle } = asked;
    await interrupted('authenticator.registered', () =>
      node.authenticators.register({ handle, person: person.id, credential, name: undefined }),
    );
    await expect(other.authenticators.askInvited(path.slice(7))).rejects.toThrow(withCode('invitation_unknown'));
    // This includes an invitation for a recovery, because there is a key.
    await expect(invite(recordIdOf('authenticator.registered'))).rejects.toThrow(withCode('recovery_needed'));
  });

  it('shows nobody an undelivered link: the next invitation replaces it', async () => {
    await interrupted('authenticator.invited', () =>
      node.authenticators.invite({ person: person.id, evidence: ['file 7'] }, office),
    );
    const { path } = await invite();
    expect(await other.authenticators.invitationOf(path.slice(7))).toMatchObject({ person: person.id });
    const [first, second] = recordsOf('authenticator.invited');
    expect(second?.data).toMatchObject({ previous: first?.id });
    const { rows } = await world.database
      .pool('authentication')
      .query('select 1 from authenticator_invitations where person = $1 and ended_at is null', [person.id]);
    expect(rows).toHaveLength(1);
  });

  it('does not reopen a closed link', async () => {
    const { path } = await invite();
    await interrupted('authenticator.invitation-ended', () =>
      node.authenticators.revokeAllOf(person.id, office, 'left'),
    );
    expect(await other.authenticators.invitationOf(path.slice(7))).toBeUndefined();
    await other.authenticators.revokeAllOf(person.id, office, 'left');
    await other.authenticators.lock(person.id, office, 'left');
    await expect(invite()).rejects.toThrow(withCode('account_locked'));
    await other.authenticators.unlock(person.id, office, 'back');
    expect(await other.authenticators.invitationOf(path.slice(7))).toBeUndefined();
    expect(recordsOf('authenticator.invitation-ended')).toHaveLength(1);
  });

  it('leaves no removed key in use, and a repetition completes the consequences', async () => {
    const { id } = await world.enrol(node, person, world.key());
    world.notices.length = 0;
    await interrupted('authenticator.removed', () => node.authenticators.revoke(id, office, 'stolen'));
    expect([await other.authenticators.of(person.id), noticeKinds(), world.cut]).toEqual([[], [], []]);
    await other.authenticators.revoke(id, office, 'stolen');
    expect(recordsOf('authenticator.removed')).toHaveLength(1);
    expect(noticeKinds()).toEqual(['authenticator-removed']);
    expect(world.cut).toEqual([{ person: person.id, reason: 'authenticator_removed' }]);
    await expect(other.authenticators.revoke(id, office, 'stolen')).rejects.toThrow(
      withCode('authenticator_not_found'),
    );
  });

  it('leaves no suspected key in use and suspects it only once', async () => {
    const key = world.key();
    const { id } = await world.enrol(node, person, key);
    await signs(key, 50);
    await interrupted('authenticator.suspected', () => signs(key, 50));
    await expect(signs(key)).rejects.toThrow(withCode('credential_unknown'));
    expect(await other.authenticators.of(person.id)).toMatchObject([{ id, suspendedAt: expect.any(String) }]);
    expect(recordsOf('authenticator.suspected')).toHaveLength(1);
    // The consequence that the stopped process did not reach.
    expect(world.cut).toEqual([{ person: person.id, reason: 'authenticator_suspected' }]);
    expect(world.signals).toMatchObject([{ person: person.id, name: 'credential-compromised' }]);
    expect(noticeKinds()).toEqual(['authenticator-added', 'authenticator-suspected']);
    await other.authenticators.revoke(id, office, 'copied');
    expect(await other.authenticators.of(person.id)).toEqual([]);
  });

  it('still locks and unlocks, with one record and one notice each', async () => {
    await interrupted('account.locked', () => node.authenticators.lock(person.id, office, 'lost'));
    expect(await other.authenticators.isLocked(person.id)).toBe(true);
    expect(world.cut).toEqual([]);
    await other.authenticators.lock(person.id, office, 'lost');
    expect(world.cut).toEqual([{ person: person.id, reason: 'account_locked' }]);
    expect(world.signals.map(({ name }) => name)).toEqual(['account-disabled']);
    await interrupted('account.unlocked', () => node.authenticators.unlock(person.id, office, 'found'));
    await other.authenticators.unlock(person.id, office, 'found');
    expect(await node.authenticators.isLocked(person.id)).toBe(false);
    expect(world.signals).toEqual([]);
    expect([...recordsOf('account.locked'), ...recordsOf('account.unlocked')]).toHaveLength(2);
    expect(noticeKinds()).toEqual(['account-locked', 'account-unlocked']);
    expect(new Set(world.notices.map(({ id }) => id)).size).toBe(2);
  });
});

describe('several nodes at once', () => {
  const atOnce = <Result>(act: (on: AuthenticatorNode, index: number) => Promise<Result>) =>
    Promise.allSettled(Array.from({ length: 8 }, (_, index) => act(index % 2 === 0 ? node : other, index)));

  it('lock a person or remove a key once', async () => {
    const { id } = await world.enrol(node, person, world.key());
    world.notices.length = 0;
    await atOnce(({ authenticators }) => authenticators.lock(person.id, office, 'lost'));
    const revoked = await atOnce(({ authenticators }) => authenticators.revoke(id, office, 'lost'));
    expect(revoked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect([recordsOf('account.locked').length, recordsOf('authenticator.removed').length]).toEqual([1, 1]);
    expect(noticeKinds()).toEqual(['account-locked', 'authenticator-removed']);
  });

  it('create invitations that each follow the one before, and one of them is valid', async () => {
    const made = await atOnce(({ authenticators }) =>
      authenticators.invite({ person: person.id, evidence: ['x'] }, office),
    );
    const paths = made.map((each) => (each.status === 'fulfilled' ? each.value.path : ''));
    const open = await Promise.all(paths.map((path) => node.authenticators.invitationOf(path.slice(7))));
    expect(open.filter((each) => each !== undefined)).toHaveLength(1);
    const records = recordsOf('authenticator.invited');
    expect(records).toHaveLength(8);
    for (const [index, { data }] of records.entries())
      expect((data as { previous?: string }).previous).toBe(records[index - 1]?.id);
  });

  it('register a credential that two people present at once only once', async () => {
    const somebody = personOf(`other${number}`, broker);
    world.directory.add(somebody);
    const random = { bytes: (length: number) => new Uint8Array(length).fill(number) };
    const asked = await Promise.all(
      [person, somebody].map(async ({ id }) => {
        const { path } = await node.authenticators.invite({ person: id, evidence: ['x'] }, office);
        const { handle, options } = await node.authenticators.askInvited(path.slice(7));
        return { handle, person: id, credential: world.key({ random }).create(options), name: undefined };
      }),
    );
    const results = await Promise.allSettled(
      asked.map((sent, index) => (index === 0 ? node : other).authenticators.register(sent)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: withCode('credential_registered'),
    });
  });
});

describe('a forged row of an account', () => {
  const thief = () => world.database.pool('authentication');

  it.each([
    ['neither suspended', 'suspended_at = null, ended_by = null'],
    ['nor removed', 'removed_at = null, ended_by = null'],
  ])('restores no removed key: one whose row seems %s is rewritten', async (_, change) => {
    const key = world.key();
    const { id } = await world.enrol(node, person, key);
    await node.authenticators.revoke(id, office, 'stolen');
    await thief().query(`update authenticators set ${change} where id = $1`, [id]);
    await expect(signsIn(key)).rejects.toThrow(withCode('credential_unknown'));
    expect(await node.authenticators.of(person.id)).toEqual([]);
  });

  it('removes no key: its row is rewritten from its record', async () => {
    const key = world.key();
    const made = await world.enrol(node, person, key);
    await thief().query('delete from authenticators where id = $1', [made.id]);
    expect(await signsIn(key)).toMatchObject({ authenticator: { id: made.id, kid: made.kid } });
  });

  it('does not include a row suspended by an earlier release: that key is still removed', async () => {
    const { id } = await world.enrol(node, person, world.key());
    world.audit.write({
      ...{ type: 'authenticator.suspected', source: 'authentication', outcome: 'done', subject: { id: person.id } },
      standing: [ended(`authenticator:${id}`)],
      data: { authenticator: id },
    });
    await thief().query('update authenticators set suspended_at = now() where id = $1', [id]);
    expect(await node.authenticators.of(person.id)).toMatchObject([{ id, suspendedAt: expect.any(String) }]);
    expect(await node.authenticators.revokeAllOf(person.id, office, 'replaced')).toBe(1);
    expect(await node.authenticators.of(person.id)).toEqual([]);
    expect(recordsOf('authenticator.removed')).toHaveLength(1);
  });

  it('locks nobody permanently: an unrecorded lock is removed, and the removal is recorded', async () => {
    await thief().query("insert into account_locks values ($1, 'rec_00000000000000000000000000', now())", [person.id]);
    expect(await node.authenticators.isLocked(person.id)).toBe(true);
    await node.authenticators.unlock(person.id, office, 'not ours');
    expect(await node.authenticators.isLocked(person.id)).toBe(false);
    expect(recordsOf('account.unlocked')).toHaveLength(1);
  });

  it('unlocks nobody: the deleted row of a lock is restored', async () => {
    await node.authenticators.lock(person.id, office, 'lost');
    await thief().query('delete from account_locks where person = $1', [person.id]);
    expect(await node.authenticators.isLocked(person.id)).toBe(true);
    await node.authenticators.unlock(person.id, office, 'found');
    expect(await node.authenticators.isLocked(person.id)).toBe(false);
  });

  it('prevents no invitation: neither a forged link, nor the missing link of an earlier release', async () => {
    world.audit.write({
      ...{ type: 'authenticator.invited', source: 'authentication', outcome: 'done', subject: { id: person.id } },
      standing: [standing(`invitation:${person.id}`, { of: 'a release before' })],
    });
    await thief().query(
      `insert into authenticator_invitations (secret_hash, person, invited_by, record_id, expires_at)
       values ($1, $2, 'person:eve', 'rec_00000000000000000000000000', now() + interval '10 years')`,
      [Buffer.alloc(32, number), person.id],
    );
    const { path } = await invite();
    expect(await node.authenticators.invitationOf(path.slice(7))).toMatchObject({ invitedBy: office.id });
  });
});

describe('a sign-in with a key', () => {
  it('reads the log twice: for the status of the key and for a lock of the person', async () => {
    const key = world.key();
    await world.enrol(node, person, key);
    const before = world.lookedUp();
    await signsIn(key);
    expect(world.lookedUp() - before).toBe(2);
  });
});
