import type { DirectoryChangeRequest, DirectoryEdit } from '@countersign/contracts';
import { type ChangeId, type Digest, isCodedError, parseId } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DirectoryComponent } from '../index.ts';
import { type Document, fileWithServices, tradingDesk } from '../testing/example-clients.ts';
import { exampleSeed, operator } from '../testing/example-file.ts';
import { approver, createRig, problemsOf, proposer, type Rig, refusalOf } from '../testing/rig.ts';

const hourMs = 3_600_000;
const deskEdit = (members: Document = {}): DirectoryEdit => ({ put: { clients: [{ ...tradingDesk(), ...members }] } });

let rig: Rig;
let directory: DirectoryComponent;
beforeEach(async () => {
  rig = await createRig();
  directory = await rig.open();
  await directory.apply(fileWithServices(), proposer);
  rig.records.length = 0;
});
afterEach(() => rig.close());

const propose = (edit = deskEdit()) => directory.propose({ edit }, proposer, 'go-live of the desk');
const approve = ({ id, digest }: DirectoryChangeRequest, on = directory) => on.approve(id, digest, approver);
const typesRecorded = () => rig.records.map(({ type }) => type);

/** Sets up the desk in production, changed with two people. */
async function deskInProduction(): Promise<void> {
  await approve(await propose());
  rig.records.length = 0;
}

describe('a change that touches a production client', () => {
  it('is refused to one person by every interface, and the refusal says what to do', async () => {
    await deskInProduction();
    const file = fileWithServices();
    const production = { ...file, clients: [...file.clients, { ...tradingDesk(), client_name: 'Another' }] };
    const attempts = [
      () => directory.edit(deskEdit({ client_name: 'Another' }), proposer),
      () => directory.edit(deskEdit({ environment: 'sandbox' }), proposer),
      () => directory.edit({ remove: [{ kind: 'client', id: 'broker-desk' }] }, proposer),
      () => directory.edit({ put: { clients: [{ ...file.clients[0], environment: 'production' }] } }, proposer),
      () => directory.apply(production, proposer),
      () => directory.apply({ institutions: file.institutions, services: file.services }, proposer, { prune: true }),
    ];
    for (const attempt of attempts) {
      const error = await refusalOf(attempt());
      expect(error.code).toBe('second_person_required');
      expect(error.detail).toContain('POST /directory/changes');
      expect(error.facts?.['clients']).toBeInstanceOf(Array);
    }
    expect(rig.records).toHaveLength(attempts.length);
    for (const record of rig.records)
      expect(record).toMatchObject({
        type: 'access.refused',
        outcome: 'deny',
        reason: 'second_person_required',
        subject: proposer,
      });
    expect(directory.snapshot().client('broker-desk')).toMatchObject({
      environment: 'production',
      name: 'broker-desk',
    });
  });

  it('includes changes of its principal: its duties, and the artefact and certificate of an algorithm', async () => {
    const file = fileWithServices();
    const [agent] = file.agents;
    const model = agent?.['model'];
    await approve(await propose(deskEdit({ principal: 'agent:vwap-1', id: 'vwap' })));
    const withModel = (members: object) => ({
      ...fileWithServices(),
      agents: [{ ...agent, model: { ...(model as object), ...members } }],
    });
    for (const members of [{ artifact_sha256: 'cd'.repeat(32) }, { certificate_id: 'cert-2026-18' }])
      expect(await refusalOf(directory.apply(withModel(members), proposer))).toMatchObject({
        code: 'second_person_required',
        facts: { clients: ['vwap'] },
      });
    // One person may stop it; resuming it needs two.
    await directory.apply(withModel({ status: 'Draft' }), proposer);
    expect(await refusalOf(directory.apply(withModel({ status: 'Approved' }), proposer))).toMatchObject({
      code: 'second_person_required',
    });
  });

  it('does not include a file that leaves the client unchanged', async () => {
    await deskInProduction();
    const file = fileWithServices();
    file.services.push({ id: 'service:new', institution: file.services[0]?.['institution'], roles: [] });
    const whole = { ...file, clients: [...file.clients, tradingDesk()] };
    expect((await directory.apply(whole, proposer, { prune: true })).changes).toHaveLength(1);
  });

  it('is proposed by one person and approved by another, recorded at each step before it takes effect', async () => {
    const request = await propose();
    expect(parseId('change', request.id)).toBe(request.id);
    expect(request).toEqual({
      id: request.id,
      status: 'proposed',
      proposedBy: proposer.id,
      proposedAt: '2026-11-21T00:00:00.000Z',
      expiresAt: '2026-11-22T00:00:00.000Z',
      reason: 'go-live of the desk',
      changes: [{ change: 'add', kind: 'client', id: 'broker-desk' }],
      digest: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(directory.snapshot().client('broker-desk')).toBeUndefined();
    expect(await approve(request)).toEqual({ version: 2, changes: request.changes });
    expect(directory.snapshot().client('broker-desk')?.environment).toBe('production');
    const [proposed, approved, applied] = rig.records;
    expect(typesRecorded()).toEqual(['directory.change-proposed', 'directory.change-approved', 'directory.applied']);
    expect(proposed).toMatchObject({
      subject: proposer,
      data: { change_request: request.id, digest: request.digest, reason: request.reason, changes: request.changes },
    });
    expect(approved).toMatchObject({
      subject: approver,
      references: [proposed?.id],
      data: { change_request: request.id, digest: request.digest, proposed_by: proposer.id },
    });
    expect(applied).toMatchObject({
      subject: approver,
      references: [approved?.id],
      data: { change_request: request.id, proposed_by: proposer.id, changes: request.changes },
    });
    expect(await directory.changeRequests()).toEqual([{ ...request, status: 'approved', decidedBy: approver.id }]);
  });

  it('may be a whole file with its removals', async () => {
    await deskInProduction();
    const file = fileWithServices();
    const request = await directory.propose({ file, prune: true }, proposer, 'the desk closes');
    expect(request.changes).toEqual([{ change: 'remove', kind: 'client', id: 'broker-desk' }]);
    await approve(request);
    expect(directory.snapshot().client('broker-desk')).toBeUndefined();
    const withoutPrune = await directory.propose(
      { file: { ...file, clients: [...file.clients, { ...tradingDesk(), id: 'broker-desk-2' }] } },
      proposer,
      'the desk opens again, under another id',
    );
    expect(withoutPrune.digest).not.toBe(request.digest);
    await approve(withoutPrune);
    expect(directory.snapshot().client('broker-desk-2')).toBeDefined();
  });

  it('shows the approver each entity before and after', async () => {
    await deskInProduction();
    const request = await propose(deskEdit({ redirect_uris: ['https://new.broker.example/callback'] }));
    const view = await directory.changeRequest(request.id);
    expect(view).toMatchObject({
      request,
      current: true,
      entities: [{ change: 'change', kind: 'client', id: 'broker-desk', fields: ['redirect_uris'] }],
    });
    expect(view.entities[0]?.before).toMatchObject({ redirect_uris: tradingDesk()['redirect_uris'] });
    expect(view.entities[0]?.after).toMatchObject({ redirect_uris: ['https://new.broker.example/callback'] });
    await approve(request);
    expect(await directory.changeRequest(request.id)).toMatchObject({ current: false, entities: [] });
  });

  it('hides the names by which identity providers know people', async () => {
    const file = fileWithServices();
    const [anna] = file.people;
    const request = await directory.propose({ file: { people: [{ ...anna, desk: 'credit' }] } }, proposer, 'moved');
    expect(JSON.stringify(await directory.changeRequest(request.id))).not.toContain('u-1001');
  });
});

describe('an approval', () => {
  it('is refused from the proposer', async () => {
    const request = await propose();
    const error = await refusalOf(directory.approve(request.id, request.digest, proposer));
    expect(error.code).toBe('change_self_approval');
    expect(rig.records.at(-1)).toMatchObject({
      type: 'access.refused',
      reason: 'change_self_approval',
      subject: proposer,
      data: { operation: 'directory:approve', change_request: request.id },
    });
    expect(directory.snapshot().client('broker-desk')).toBeUndefined();
    expect((await approve(request)).version).toBe(2);
  });

  it('is impossible once the proposal ended with its proposer, which is recorded', async () => {
    const request = await propose();
    const { id } = request;
    const ended = { by: approver, reason: 'Who proposed this has left.' };
    const before = rig.clock.now();
    expect(await directory.endProposalsOf(approver.id, { ...ended, before })).toBe(0);
    expect(await directory.endProposalsOf(proposer.id, { ...ended, before: before - 60_000 })).toBe(0);
    expect(await directory.endProposalsOf(proposer.id, { ...ended, before })).toBe(1);
    expect(await directory.endProposalsOf(proposer.id, { ...ended, before })).toBe(0);
    expect(rig.records.at(-1)).toMatchObject({
      type: 'directory.change-rejected',
      subject: approver,
      data: { change_request: id, proposed_by: proposer.id, reason: ended.reason },
    });
    expect(await refusalOf(approve(request))).toMatchObject({ code: 'change_decided' });
  });

  it('is refused when the proposer has left or moved since', async () => {
    const [ben] = fileWithServices().people.filter(({ id }) => id === 'person:ben.ito');
    const by = { id: 'person:ben.ito', institution: String(ben?.['institution']) };
    const proposed = () => directory.propose({ edit: deskEdit() }, by, 'go-live of the desk');
    const [moved, gone] = [await proposed(), await proposed()];
    await directory.move(by.id, { desk: 'credit', roles: ['sales'] }, proposer, 'another desk');
    expect((await directory.changeRequest(moved.id)).current).toBe(false);
    expect(await refusalOf(approve(moved))).toMatchObject({ code: 'directory_changed_meanwhile' });
    await directory.leave(by.id, proposer, 'left');
    expect(await refusalOf(approve(gone))).toMatchObject({ code: 'directory_changed_meanwhile' });
    expect(rig.records.at(-1)).toMatchObject({ type: 'access.refused', data: { change_request: gone.id } });
    expect(directory.snapshot().client('broker-desk')).toBeUndefined();
  });

  it('covers exactly what its digest names', async () => {
    const request = await propose();
    const other = await propose(deskEdit({ client_name: 'Other' }));
    expect(other.digest).not.toBe(request.digest);
    const error = await refusalOf(directory.approve(request.id, other.digest, approver));
    expect(error.code).toBe('directory_changed_meanwhile');
    expect(directory.snapshot().client('broker-desk')).toBeUndefined();
  });

  it('counts once, however many submit it on two nodes at once', async () => {
    const other = await rig.open();
    const request = await propose();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        approve(request, index % 2 === 0 ? directory : other).then(
          ({ version }) => version,
          (error: unknown) => (isCodedError(error) ? error.code : error),
        ),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 2)).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'change_decided')).toHaveLength(19);
    expect(typesRecorded().filter((type) => type === 'directory.applied')).toHaveLength(1);
    expect(typesRecorded().filter((type) => type === 'directory.change-approved')).toHaveLength(1);
  });

  it('excludes a rejection, and the reverse', async () => {
    const other = await rig.open();
    for (let round = 0; round < 5; round++) {
      const request = await propose(deskEdit({ client_name: `Desk ${round}` }));
      const outcomes = await Promise.allSettled([approve(request), other.reject(request.id, approver, 'not now')]);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const decided = (await directory.changeRequests()).find(({ id }) => id === request.id);
      const applied =
        (await other.snapshotAtLeast(directory.snapshot().version)).client('broker-desk')?.name === `Desk ${round}`;
      expect(decided?.status).toBe(applied ? 'approved' : 'rejected');
    }
  });

  it('is possible for a day', async () => {
    const request = await propose();
    rig.clock.advance(24 * hourMs - 1);
    expect((await directory.changeRequest(request.id)).current).toBe(true);
    rig.clock.advance(1);
    const error = await refusalOf(approve(request));
    expect(error).toMatchObject({ code: 'change_decided', facts: { status: 'expired' } });
    expect((await refusalOf(directory.reject(request.id, approver, 'too late'))).code).toBe('change_decided');
    expect(await directory.changeRequests({ status: 'expired' })).toMatchObject([
      { id: request.id, status: 'expired' },
    ]);
    expect(await directory.changeRequests({ status: 'proposed' })).toEqual([]);
    expect(directory.snapshot().client('broker-desk')).toBeUndefined();
  });

  it('is refused when an entity of the change has changed meanwhile', async () => {
    const sandbox = { environment: 'sandbox' };
    await directory.edit(deskEdit({ ...sandbox, client_name: 'One' }), proposer);
    const request = await propose(deskEdit({ client_name: 'Three' }));
    await directory.edit(deskEdit({ ...sandbox, client_name: 'Two' }), proposer);
    expect((await directory.changeRequest(request.id)).current).toBe(false);
    expect((await refusalOf(approve(request))).code).toBe('directory_changed_meanwhile');
    expect(directory.snapshot().client('broker-desk')?.name).toBe('Two');
  });

  it('is refused when the result would be inconsistent', async () => {
    const request = await propose();
    const file = fileWithServices();
    const services = file.services.filter(({ id }) => id !== 'service:desk');
    await directory.apply({ ...file, services }, proposer, { prune: true });
    expect((await refusalOf(approve(request))).code).toBe('directory_changed_meanwhile');
  });

  it('is accepted when something else has changed', async () => {
    const request = await propose();
    await directory.apply(
      { services: [{ id: 'service:else', institution: fileWithServices().services[0]?.['institution'], roles: [] }] },
      proposer,
    );
    expect((await approve(request)).version).toBe(3);
  });

  it('applies to the stored proposal, not to a substitute', async () => {
    const request = await propose();
    await rig.scratch
      .pool('directory')
      .query(
        `update change_requests set proposal = jsonb_set(proposal, '{edit,put,clients,0,client_name}', '"Mallory"')`,
      );
    expect((await refusalOf(approve(request))).code).toBe('directory_changed_meanwhile');
  });

  it('changes nothing when it cannot be recorded, and can then be repeated', async () => {
    const request = await propose();
    rig.breakLog(true);
    expect((await refusalOf(approve(request))).code).toBe('log_unavailable');
    expect(directory.snapshot().version).toBe(1);
    rig.breakLog(false);
    expect((await directory.changeRequests())[0]?.status).toBe('proposed');
    expect((await approve(request)).version).toBe(2);
  });

  it('is refused for an unknown change', async () => {
    const id = 'chg_01k9z3m8q4d6s0v2x5y7a9b1c3' as ChangeId;
    const digest = 'A'.repeat(43) as Digest;
    expect((await refusalOf(directory.approve(id, digest, approver))).code).toBe('change_not_found');
    expect((await refusalOf(directory.reject(id, approver, 'x'))).code).toBe('change_not_found');
    expect((await refusalOf(directory.changeRequest(id))).code).toBe('change_not_found');
  });
});

describe('a rejection', () => {
  it('ends a proposal, with its reason in the record', async () => {
    const request = await propose();
    const rejected = await directory.reject(request.id, approver, 'wrong redirect URI');
    expect(rejected).toEqual({ ...request, status: 'rejected', decidedBy: approver.id });
    expect(rig.records.at(-1)).toMatchObject({
      type: 'directory.change-rejected',
      subject: approver,
      references: [rig.records[0]?.id],
      data: { change_request: request.id, reason: 'wrong redirect URI' },
    });
    expect((await refusalOf(approve(request))).code).toBe('change_decided');
    expect(directory.snapshot().version).toBe(1);
  });

  it('may come from the proposer, as a withdrawal', async () => {
    const request = await propose();
    expect((await directory.reject(request.id, proposer, 'mistaken')).status).toBe('rejected');
  });
});

describe('a proposal', () => {
  it('is checked at once, with every problem at its location', async () => {
    const error = await refusalOf(propose(deskEdit({ redirect_uris: ['http://a.example'], kind: 'human' })));
    expect(problemsOf(error).map(({ path }) => path)).toEqual([
      '/put/clients/0/redirect_uris/0',
      '/put/clients/0/grant_types/0',
    ]);
    expect(await directory.changeRequests()).toEqual([]);
  });

  it('requires a change and a reason', async () => {
    await deskInProduction();
    expect((await refusalOf(propose())).code).toBe('directory_file_invalid');
    const edit = deskEdit({ client_name: 'New' });
    for (const reason of ['', ' ', 'a\u0000', 'x'.repeat(401), '\ud800'])
      expect((await refusalOf(directory.propose({ edit }, proposer, reason))).code).toBe('directory_file_invalid');
    expect(rig.records).toEqual([]);
  });

  it('is not kept when it cannot be recorded', async () => {
    rig.breakLog(true);
    expect((await refusalOf(propose())).code).toBe('log_unavailable');
    rig.breakLog(false);
    expect(await directory.changeRequests()).toEqual([]);
  });

  it('loses its content when it is decided or has expired, and is deleted in the end', async () => {
    const contents = async () =>
      (await rig.scratch.pool('directory').query('select proposal is null as gone from change_requests order by id'))
        .rows;
    await directory.reject((await propose()).id, approver, 'no');
    rig.clock.advance(1);
    await propose(deskEdit({ client_name: 'Second' }));
    expect(await contents()).toEqual([{ gone: true }, { gone: false }]);
    rig.clock.advance(25 * hourMs);
    await propose();
    expect(await contents()).toEqual([{ gone: true }, { gone: true }, { gone: false }]);
    rig.clock.advance(92 * 24 * hourMs);
    await propose();
    expect(await contents()).toEqual([{ gone: false }]);
  });
});

describe('an edit', () => {
  it('adds and removes sandbox clients at once, and repeating it changes nothing', async () => {
    const edit = deskEdit({ environment: 'sandbox' });
    const added = [{ change: 'add', kind: 'client', id: 'broker-desk' }];
    expect(await directory.edit(edit, proposer)).toEqual({ version: 2, changes: added });
    expect(await directory.edit(edit, proposer)).toEqual({ version: 2, changes: [] });
    const removal: DirectoryEdit = { remove: [{ kind: 'client', id: 'broker-desk' }] };
    expect(await directory.edit(removal, proposer)).toEqual({
      version: 3,
      changes: [{ ...added[0], change: 'remove' }],
    });
    expect(await directory.edit(removal, proposer)).toEqual({ version: 3, changes: [] });
    expect(typesRecorded()).toEqual(['directory.applied', 'directory.applied']);
    expect(rig.records[1]?.data).toMatchObject({ changes: [{ change: 'remove', kind: 'client', id: 'broker-desk' }] });
  });

  it('is refused when it cannot be recorded', async () => {
    rig.breakLog(true);
    expect((await refusalOf(directory.edit(deskEdit({ environment: 'sandbox' }), proposer))).code).toBe(
      'log_unavailable',
    );
    rig.breakLog(false);
    expect((await rig.open()).snapshot().client('broker-desk')).toBeUndefined();
  });

  it.each<readonly [string, unknown, string]>([
    [
      'another kind to remove',
      { remove: [{ kind: 'institution', id: 'person:ben.ito' }] },
      'directory_file_invalid /remove/0/kind',
    ],
    ['another kind to put', { put: { accounts: [] } }, 'directory_file_invalid /put/accounts'],
    ['no object', [], 'directory_file_invalid '],
    ['one client twice', { put: { clients: [tradingDesk(), tradingDesk()] } }, 'id_duplicate /put/clients/1'],
    [
      'putting and removing one client',
      { put: { clients: [tradingDesk()] }, remove: [{ kind: 'client', id: 'broker-desk' }] },
      'id_duplicate /remove/0',
    ],
  ])('is refused for %s', async (_name, edit, problem) => {
    const error = await refusalOf(directory.edit(edit as DirectoryEdit, proposer));
    expect(problemsOf(error).map(({ code, path }) => `${code} ${path}`)).toContain(problem);
  });

  it('cannot change a client of the installation itself', async () => {
    const seeded = {
      ...tradingDesk(),
      id: 'seeded',
      institution: operator,
      principal: 'service:operator',
      environment: 'sandbox',
      audiences: [],
    };
    const other = await rig.open({ seed: { ...exampleSeed(), clients: [seeded] } });
    for (const edit of [
      { remove: [{ kind: 'client', id: 'seeded' }] },
      { put: { clients: [{ ...seeded, client_name: 'Mine' }] } },
    ] satisfies DirectoryEdit[])
      expect((await refusalOf(other.edit(edit, proposer))).code).toBe('seed_protected');
    expect(rig.records.map(({ reason }) => reason)).toEqual(['seed_protected', 'seed_protected']);
  });
});

describe('a change that gives somebody administrative power', () => {
  it('shows the approver all their sign-in accounts, including those added before', async () => {
    const person = (members: Document): Document => ({
      ...{ id: 'person:bob.approver', institution: operator, roles: [], federated: [], credentials: [] },
      ...members,
    });
    const federated = [{ issuer: 'https://idp.operator.example', subject: 'alice-2' }];
    await directory.edit({ put: { people: [person({ federated })] } }, proposer);
    const request = await directory.propose(
      { edit: { put: { people: [person({ federated, roles: ['approver'] })] } } },
      proposer,
      'Bob approves from now on',
    );
    const view = await directory.changeRequest(request.id);
    expect(view?.entities).toMatchObject([
      { kind: 'person', before: { federated }, after: { federated, roles: ['approver'] } },
    ]);
  });
});
