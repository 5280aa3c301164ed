import type { DirectoryChangeRequest, RecordDraft } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DirectoryComponent } from '../index.ts';
import { fileWithServices, tradingDesk } from '../testing/example-clients.ts';
import { broker } from '../testing/example-file.ts';
import { approver, createRig, proposer, type Rig, refusalOf } from '../testing/rig.ts';

/** A process dies between a record and its effect; other processes complete the change. */
describe('a dual-control change that is interrupted', () => {
  let rig: Rig;
  let directory: DirectoryComponent;
  const pollMs = 3_600_000;

  beforeEach(async () => {
    rig = await createRig();
    directory = await rig.open({ pollMs });
    await directory.apply(fileWithServices(), proposer);
  });
  afterEach(() => rig.close());

  const propose = (on = directory) =>
    on.propose({ edit: { put: { clients: [tradingDesk()] } } }, proposer, 'go-live of the desk');
  const approve = ({ id, digest }: DirectoryChangeRequest, on = directory) => on.approve(id, digest, approver);
  const another = () =>
    directory.apply({ services: [{ id: 'service:other', institution: broker, roles: [] }] }, proposer);
  const countOf = (...types: RecordDraft['type'][]) =>
    types.map((each) => rig.log.filter(({ type }) => type === each).length);
  const dying = (type: RecordDraft['type']) => rig.open({ audit: rig.dyingAfter(type), pollMs });
  const died = expect.objectContaining({ message: 'the process died' });

  it.each(['directory.change-approved', 'directory.applied'] as const)(
    'after its %s is completed by the next writer, before the next change',
    async (type) => {
      const request = await propose();
      await expect(approve(request, await dying(type))).rejects.toEqual(died);
      expect(directory.snapshot().client('broker-desk')).toBeUndefined();
      expect((await another()).version).toBe(3);
      expect(directory.snapshot().client('broker-desk')?.environment).toBe('production');
      expect(countOf('directory.change-approved', 'directory.change-rejected')).toEqual([1, 0]);
      const applied = rig.log.filter(
        ({ type: each, data }) =>
          each === 'directory.applied' && data !== undefined && 'change_request' in Object(data),
      );
      expect(applied.at(-1)).toMatchObject({ subject: approver, data: { proposed_by: proposer.id, version: 2 } });
      expect(await directory.changeRequests()).toEqual([{ ...request, status: 'approved', decidedBy: approver.id }]);
    },
  );

  it('is reported to a repeated approval, and made once', async () => {
    const request = await propose();
    await expect(approve(request, await dying('directory.change-approved'))).rejects.toEqual(died);
    expect(await approve(request)).toEqual({ version: 2, changes: request.changes });
    expect(await refusalOf(approve(request))).toMatchObject({ code: 'change_decided' });
    expect(countOf('directory.change-approved')).toEqual([1]);
    expect(directory.snapshot().version).toBe(2);
  });

  it('is completed by a node that looks, without any request', async () => {
    const request = await propose();
    await expect(approve(request, await dying('directory.change-approved'))).rejects.toEqual(died);
    const heir = await rig.open({ pollMs: 20 });
    await expect.poll(() => heir.snapshot().client('broker-desk'), { timeout: 60_000 }).toBeDefined();
    expect(countOf('directory.change-approved', 'directory.change-rejected')).toEqual([1, 0]);
  });

  it('is made once, however many nodes continue at the same moment', async () => {
    const request = await propose();
    await expect(approve(request, await dying('directory.change-approved'))).rejects.toEqual(died);
    const nodes = [directory, await rig.open({ pollMs }), await rig.open({ pollMs })];
    const versions = await Promise.all(
      Array.from({ length: 9 }, async (_, index) => {
        const node = nodes[index % 3] ?? directory;
        const services = [{ id: `service:other-${index}`, institution: broker, roles: [] }];
        return (await node.apply({ services }, proposer)).version;
      }),
    );
    expect(versions.toSorted((a, b) => a - b)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(countOf('directory.change-rejected', 'row.rejected')).toEqual([0, 0]);
    expect((await rig.open()).snapshot().client('broker-desk')).toBeDefined();
  });

  it('and can no longer be made ends on record, and blocks nobody', async () => {
    const request = await propose();
    await expect(approve(request, await dying('directory.change-approved'))).rejects.toEqual(died);
    await rig.scratch
      .pool('directory')
      .query(
        `update change_requests set proposal = jsonb_set(proposal, '{edit,put,clients,0,client_name}', '"Other"')`,
      );
    expect((await another()).version).toBe(2);
    expect(rig.log.filter(({ type }) => type === 'directory.change-rejected')).toMatchObject([
      { outcome: 'deny', reason: 'directory_changed_meanwhile', subject: approver },
    ]);
    expect(await directory.changeRequests()).toMatchObject([{ id: request.id, status: 'rejected' }]);
    expect(await refusalOf(approve(request))).toMatchObject({ code: 'change_decided' });
    expect(directory.snapshot().client('broker-desk')).toBeUndefined();
  });

  it('waits while the log cannot be written, and is made afterwards', async () => {
    const request = await propose();
    rig.breakLog(true, ({ type }) => type === 'directory.applied');
    expect(await refusalOf(approve(request))).toMatchObject({ code: 'log_unavailable' });
    expect(await refusalOf(another())).toMatchObject({ code: 'log_unavailable' });
    rig.breakLog(false);
    expect((await another()).version).toBe(3);
    expect(directory.snapshot().client('broker-desk')).toBeDefined();
  });

  it('after its rejection is rejected once, also for a repeated rejection', async () => {
    const request = await propose();
    const node = await dying('directory.change-rejected');
    await expect(node.reject(request.id, approver, 'not now')).rejects.toEqual(died);
    expect(await directory.reject(request.id, approver, 'not now')).toEqual({
      ...request,
      status: 'rejected',
      decidedBy: approver.id,
    });
    expect(await refusalOf(approve(request))).toMatchObject({ code: 'change_decided' });
    expect(countOf('directory.change-rejected')).toEqual([1]);
  });

  it('after its proposal can be approved from the list', async () => {
    await expect(propose(await dying('directory.change-proposed'))).rejects.toEqual(died);
    const [request] = await directory.changeRequests({ status: 'proposed' });
    if (request === undefined) throw new Error('it is not listed');
    expect((await approve(request)).version).toBe(2);
  });

  it('before its proposal is durable does not exist', async () => {
    rig.breakLog(true, ({ type }) => type === 'directory.change-proposed');
    expect(await refusalOf(propose())).toMatchObject({ code: 'log_unavailable' });
    rig.breakLog(false);
    expect(await directory.changeRequests()).toEqual([]);
    const { rows } = await rig.scratch.pool('directory').query('select id from change_requests');
    expect(await refusalOf(directory.changeRequest(rows[0]?.id))).toMatchObject({ code: 'change_not_found' });
  });

  it('and is rejected by another at the same moment has one of the two outcomes', async () => {
    const other = await rig.open({ pollMs });
    for (let round = 0; round < 4; round++) {
      const request = await directory.propose(
        { edit: { put: { clients: [{ ...tradingDesk(), client_name: `Desk ${round}` }] } } },
        proposer,
        'go-live',
      );
      const node = await dying('directory.change-approved');
      const outcomes = await Promise.all(
        [approve(request, node), other.reject(request.id, approver, 'not now')].map((each) =>
          each.then(
            () => 'done',
            (error: unknown) => (isCodedError(error) ? error.code : 'died'),
          ),
        ),
      );
      expect([
        ['died', 'change_decided'],
        ['change_decided', 'done'],
      ]).toContainEqual(outcomes);
      const decided = (await other.changeRequests()).find(({ id }) => id === request.id);
      expect(decided?.status).toBe(outcomes[1] === 'done' ? 'rejected' : 'approved');
    }
  });

  it('names the whole acting chain of a decision, including a rejection', async () => {
    const request = await propose();
    await directory.reject(request.id, { ...approver, through: ['service:console'] }, 'not now');
    expect(rig.log.filter(({ type }) => type === 'directory.change-rejected')).toMatchObject([
      { subject: approver, actors: [{ id: 'service:console' }] },
    ]);
  });
});
