import { createIndependence, type Independence, type ProposerLapse, type Requester } from '@countersign/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DirectoryComponent } from '../index.ts';
import { broker, type ExampleFile, exampleFile, exampleKeyPair, operator } from '../testing/example-file.ts';
import { approver, createRig, proposer, type Rig, refusalOf } from '../testing/rig.ts';

let rig: Rig;
let directory: DirectoryComponent;
let lapse: ProposerLapse | undefined;
/** Who invited whom to enrol. */
const invited = new Map<string, readonly string[]>();
const independence: Independence = createIndependence({ invitersOf: async (person) => invited.get(person) ?? [] });
beforeEach(async () => {
  lapse = undefined;
  invited.clear();
  rig = await createRig();
  directory = await rig.open({
    governingRoles: ['crisis-team'],
    proposerStanding: async () => lapse,
    independence,
  });
  await directory.apply(exampleFile(), proposer);
  rig.records.length = 0;
});
afterEach(() => rig.close());

type Person = Record<string, unknown>;
const newcomer = (members: Person = {}): Person => ({
  ...{ id: 'person:new', institution: broker, roles: [], federated: [], credentials: [] },
  ...members,
});
const key = () => ({ use: 'approval', jwk: exampleKeyPair().publicJwk });
/** The example file with one member of Anna (a trader) or Ben (supervisor and signatory) changed. */
const withMembers = (index: 0 | 1, members: Person): ExampleFile => {
  const file = exampleFile();
  return { ...file, people: file.people.map((each, place) => (place === index ? { ...each, ...members } : each)) };
};

describe('an administrator', () => {
  it.each<readonly [string, { readonly people: readonly Person[] }, string]>([
    ...[
      'supervisor',
      'desk-head',
      'compliance',
      'risk',
      'operations',
      'signatory',
      'administrator',
      'operator',
      'security',
    ].map((role) => [`somebody new with the role ${role}`, { people: [newcomer({ roles: [role] })] }, 'role'] as const),
    ['a role that the configuration gives a part', { people: [newcomer({ roles: ['crisis-team'] })] }, 'role'],
    ['a role for an existing person', withMembers(0, { roles: ['trader', 'risk'] }), 'role'],
    ['somebody new with a key that approves', { people: [newcomer({ credentials: [key()] })] }, 'approval-key'],
    ['another key that approves', withMembers(1, { credentials: [key()] }), 'approval-key'],
    ['another authority to sign', withMembers(1, { signing_authority: { alone: true } }), 'signing-authority'],
    ['another desk for a supervisor', withMembers(1, { desk: 'credit' }), 'desk'],
    ['no desk for a supervisor', withMembers(1, { desk: undefined }), 'desk'],
    [
      'another way to sign in as a supervisor',
      withMembers(1, { federated: [{ issuer: 'https://idp.broker.example', subject: 'mallory' }] }),
      'sign-in',
    ],
  ])('takes two people: %s', async (_, file, gives) => {
    const error = await refusalOf(directory.apply(file, proposer));
    expect(error).toMatchObject({ code: 'second_person_required', facts: { grants: [{ gives }], grant_count: 1 } });
    expect(error.detail).toContain('POST /directory/changes');
    expect(rig.records).toMatchObject([
      { type: 'access.refused', reason: 'second_person_required', subject: proposer },
    ]);
    expect(directory.snapshot().version).toBe(1);
    const { id, digest } = await directory.propose({ file }, proposer, 'a new supervisor');
    expect((await refusalOf(directory.approve(id, digest, proposer))).code).toBe('change_self_approval');
    expect((await directory.approve(id, digest, approver)).version).toBe(2);
  });

  it('is not created by an edit, a move, or reactivation', async () => {
    const alone = expect.objectContaining({ code: 'second_person_required' });
    const [anna, ben] = exampleFile().people;
    await expect(directory.edit({ put: { people: [{ ...anna, roles: ['supervisor'] }] } }, proposer)).rejects.toEqual(
      alone,
    );
    await expect(directory.move('person:anna.keller', { roles: ['supervisor'] }, proposer, 'moves')).rejects.toEqual(
      alone,
    );
    await expect(directory.move('person:ben.ito', { desk: 'credit' }, proposer, 'moves')).rejects.toEqual(alone);
    await directory.edit({ put: { people: [{ ...ben, active: false }] } }, proposer);
    await expect(directory.edit({ put: { people: [{ ...ben }] } }, proposer)).rejects.toEqual(alone);
    await expect(
      directory.apply({ services: [{ id: 'service:desk', institution: broker, roles: ['operator'] }] }, proposer),
    ).rejects.toEqual(alone);
  });

  it.each<readonly [string, Person]>([
    ['a role', { roles: ['signatory'] }],
    ['the keys', { credentials: [] }],
    ['the authority to sign, with its role', { roles: ['supervisor'] }],
    ['how they sign in', { federated: [] }],
    ['everything', { active: false }],
    ['the roles, on another desk', { desk: 'credit', roles: ['sales'] }],
  ])('is removed by one person: %s', async (_, members) => {
    expect((await directory.apply(withMembers(1, members), proposer)).version).toBe(2);
  });

  it('needs one person while nobody administers', async () => {
    const file = withMembers(0, {
      roles: ['trader', 'sales'],
      federated: [{ issuer: 'https://idp.broker.example', subject: 'anna' }],
    });
    await directory.apply({ people: [...file.people, newcomer({ roles: ['trader'] })] }, proposer);
    expect(directory.snapshot().version).toBe(2);
  });

  it('needs two people in the first file too, when two founders exist before it', async () => {
    const other = await createRig();
    try {
      const empty = await other.open({ foundedByTwo: true });
      expect((await refusalOf(empty.apply(exampleFile(), proposer))).code).toBe('second_person_required');
      const { id, digest } = await empty.propose({ file: exampleFile() }, proposer, 'the first file');
      expect((await refusalOf(empty.approve(id, digest, proposer))).code).toBe('change_self_approval');
      expect((await empty.approve(id, digest, approver)).version).toBe(1);
    } finally {
      await other.close();
    }
  });

  it('needs one person in the file that fills an empty directory, and in no later one', async () => {
    const other = await createRig();
    try {
      const empty = await other.open();
      expect((await empty.apply(exampleFile(), proposer)).version).toBe(1);
      expect((await refusalOf(empty.apply({ people: [newcomer({ roles: ['risk'] })] }, proposer))).code).toBe(
        'second_person_required',
      );
    } finally {
      await other.close();
    }
  });
});

describe('the second person', () => {
  const file = { people: [newcomer({ roles: ['supervisor'] })] };
  const olga: Requester = { id: 'person:olga.second', institution: operator };

  it('is nobody through whom the first one asked, nor somebody who asks through the first', async () => {
    const through = { ...proposer, through: [olga.id] };
    const request = await directory.propose({ file }, through, 'a new supervisor');
    expect(rig.records.at(-1)).toMatchObject({ subject: proposer, actors: [{ id: olga.id }] });
    for (const by of [
      olga,
      { id: 'service:other', institution: operator, through: [olga.id] },
      { id: 'service:other', institution: operator, through: [proposer.id] },
    ])
      expect((await refusalOf(directory.approve(request.id, request.digest, by))).code).toBe('change_self_approval');
    await directory.approve(request.id, request.digest, { id: 'person:third', institution: operator });
  });

  it.each<readonly [string, string, string]>([
    ['the first one invited', 'person:olga.second', 'person:paul.first'],
    ['invited the first one', 'person:paul.first', 'person:olga.second'],
    ['invited through whom the first one asks', 'person:through', 'person:olga.second'],
  ])('is nobody who %s to enrol a key', async (_, person, inviter) => {
    const paul: Requester = { id: 'person:paul.first', institution: operator, through: ['person:through'] };
    const { id, digest } = await directory.propose({ file }, paul, 'a new supervisor');
    invited.set(person, [inviter]);
    expect((await refusalOf(directory.approve(id, digest, olga))).code).toBe('change_not_independent');
    expect(rig.records.at(-1)).toMatchObject({
      type: 'access.refused',
      reason: 'change_not_independent',
      subject: olga,
    });
    await directory.approve(id, digest, { id: 'person:third', institution: operator });
  });

  it.each<ProposerLapse>(['locked', 'revoked', 'right-lost'])(
    'cannot approve a proposal of somebody who may no longer propose it: %s',
    async (why) => {
      const { id, digest } = await directory.propose({ file }, proposer, 'a new supervisor');
      lapse = why;
      expect((await directory.changeRequest(id)).current).toBe(false);
      expect(await refusalOf(directory.approve(id, digest, approver))).toMatchObject({
        code: 'directory_changed_meanwhile',
        detail: expect.stringContaining('Somebody who may proposes it again'),
      });
      expect(rig.records.at(-1)).toMatchObject({ type: 'access.refused', data: { change_request: id } });
      lapse = undefined;
      await directory.approve(id, digest, approver);
    },
  );
});
