import type { DirectoryEdit, RecordStreamQuery } from '@countersign/contracts';
import { expect, it } from 'vitest';
import { codeOf } from '../code-of.ts';
import { suiteOf, type UnderTest } from './suite.ts';

export interface RecordPagesUnderTest extends UnderTest<'record-pages'> {
  /** Finds {@link records} records, each with one value. */
  readonly query: RecordStreamQuery;
  readonly records: number;
}

/** The log, read by another process. */
export const describeRecordPages = suiteOf<'record-pages', RecordPagesUnderTest>('record-pages', {
  openPages(made) {
    it('gives each stream an unguessable name', async () => {
      const { contract, query } = made();
      const [first, second] = [await contract.openPages(query), await contract.openPages(query)];
      expect(first).not.toBe(second);
      expect(first.length).toBeGreaterThanOrEqual(16);
      for (const stream of [first, second]) await contract.closePages(stream);
    });
  },

  nextPage(made) {
    it('returns every record once, with its values, and then the end', async () => {
      const { contract, query, records } = made();
      const stream = await contract.openPages(query);
      let read = 0;
      for (;;) {
        const said = await contract.nextPage(stream);
        if (said.say !== 'page') {
          expect(said).toEqual({ say: 'end' });
          break;
        }
        const { page } = said;
        read += page.records;
        expect(page.ends).toHaveLength(page.records * (1 + query.values.length));
        const [first = 0] = page.ends;
        const text = Buffer.from(page.bytes).subarray(0, first).toString();
        expect(query.types).toContain(JSON.parse(text).type);
      }
      expect(read).toBe(records);
    });

    it('fails for a stream that does not exist, or was closed', async () => {
      const { contract, query } = made();
      expect(await contract.nextPage('made-up')).toMatchObject({ say: 'failed' });
      const stream = await contract.openPages(query);
      await contract.closePages(stream);
      expect(await contract.nextPage(stream)).toMatchObject({ say: 'failed' });
    });
  },

  closePages(made) {
    it('may be repeated, and called with an unknown name', async () => {
      const { contract, query } = made();
      const stream = await contract.openPages(query);
      for (const name of [stream, stream, 'made-up'])
        expect(await codeOf(contract.closePages(name))).toBe('nothing was refused');
    });
  },
});

export interface PostureStreamUnderTest extends UnderTest<'postures'> {
  /** Ids of two devices, with a name for the feed that reports them. */
  readonly devices: readonly [string, string];
  report(device: string, posture: 'compliant' | 'failing'): Promise<unknown>;
}

/** Reported postures, for processes that hold a copy. */
export const describePostureStream = suiteOf<'postures', PostureStreamUnderTest>('postures', {
  posturesSince(made) {
    it('returns what was reported after a position, oldest first, a page at a time, each device in its current state', async () => {
      const { contract, devices, report } = made();
      const from = (await contract.posturesSince({ after: 0n, limit: 5_000 })).newest;
      await report(devices[0], 'compliant');
      await report(devices[1], 'failing');
      const all = await contract.posturesSince({ after: from, limit: 10 });
      expect(all.postures.map(({ device, posture, sealed }) => [device, posture, sealed])).toEqual([
        [devices[0], 'compliant', true],
        [devices[1], 'failing', true],
      ]);
      const page = await contract.posturesSince({ after: from, limit: 1 });
      expect(page.postures.map(({ device }) => device)).toEqual([devices[0]]);
      const rest = await contract.posturesSince({ after: page.newest, limit: 1 });
      expect(rest.postures.map(({ device }) => device)).toEqual([devices[1]]);
      await report(devices[0], 'failing');
      const later = await contract.posturesSince({ after: all.newest, limit: 10 });
      expect(later.postures).toMatchObject([{ device: devices[0], posture: 'failing' }]);
      expect(await contract.posturesSince({ after: later.newest, limit: 10 })).toEqual({
        postures: [],
        newest: later.newest,
      });
    });
  },

  posturesOf(made) {
    it('returns the newest of each reported device, and of no other', async () => {
      const { contract, devices, report } = made();
      await report(devices[0], 'failing');
      await report(devices[0], 'compliant');
      const found = await contract.posturesOf([devices[0], 'device:unknown']);
      expect(found).toMatchObject([{ device: devices[0], posture: 'compliant', failed: [] }]);
      expect(await contract.posturesOf([])).toEqual([]);
    });
  },
});

export interface DirectoryCallsUnderTest extends UnderTest<'directory'> {
  readonly by: { readonly id: string };
  /** A client that is not in the directory yet, as a file would write it. */
  client(): { readonly id: string; readonly [member: string]: unknown };
  /** The same as a file of its own, as `plan` takes it. */
  fileOf(client: Readonly<Record<string, unknown>>): unknown;
}

/** The directory, as other processes change and follow it. */
export const describeDirectoryCalls = suiteOf<'directory', DirectoryCallsUnderTest>('directory', {
  plan(made) {
    it('shows what a file would change, changes nothing, and refuses an invalid file', async () => {
      const { contract, client, fileOf } = made();
      const wanted = client();
      const changes = await contract.plan(fileOf(wanted));
      expect(changes).toEqual(expect.arrayContaining([expect.objectContaining({ kind: 'client', id: wanted.id })]));
      expect(await contract.clientDocument(wanted.id)).toBeUndefined();
      expect(await codeOf(contract.plan({ clients: 'none' }))).toBe('directory_file_invalid');
      expect(await codeOf(contract.plan(fileOf({ ...wanted, scopes: ['order:everything'] })))).toMatch(/^scope_/);
    });
  },

  edit(made) {
    const putting = (client: { readonly id: string }): DirectoryEdit => ({ put: { clients: [client] } });

    it('changes single entities, once, and removes them', async () => {
      const { contract, client, by } = made();
      const wanted = client();
      const first = await contract.edit(putting(wanted), by);
      expect(first.changes).toMatchObject([{ kind: 'client', id: wanted.id }]);
      expect(await contract.edit(putting(wanted), by)).toEqual({ version: first.version, changes: [] });
      const removed = await contract.edit({ remove: [{ kind: 'client', id: wanted.id }] }, by);
      expect(removed.version).toBe(first.version + 1);
      expect(await contract.clientDocument(wanted.id)).toBeUndefined();
    });

    it('changes nothing when one part is refused, or when the directory has changed meanwhile', async () => {
      const { contract, client, by } = made();
      const [good, bad] = [client(), client()];
      const half = { put: { clients: [good, { ...bad, scopes: ['order:everything'] }] } };
      expect(await codeOf(contract.edit(half, by))).toMatch(/^scope_/);
      expect(await contract.clientDocument(good.id)).toBeUndefined();
      const { version } = await contract.edit(putting(client()), by);
      expect(await codeOf(contract.edit(putting(good), by, { expectedVersion: version - 1 }))).toBe(
        'directory_changed_meanwhile',
      );
      expect((await contract.edit(putting(good), by, { expectedVersion: version })).version).toBe(version + 1);
    });
  },

  clientDocument(made) {
    it('is as a file would write it, and absent for an unknown client', async () => {
      const { contract, client, by } = made();
      const wanted = client();
      await contract.edit({ put: { clients: [wanted] } }, by);
      expect(await contract.clientDocument(wanted.id)).toMatchObject({ id: wanted.id });
      expect(await contract.clientDocument('nobody')).toBeUndefined();
    });
  },

  changesSince(made) {
    it('returns the whole directory a page at a time, and then the changes since', async () => {
      const { contract, client, by } = made();
      const ids = new Set<string>();
      let page = await contract.changesSince({ limit: 3 });
      expect(page.whole).toBe(true);
      for (;;) {
        for (const { kind, id } of page.changed) ids.add(`${kind} ${id}`);
        if (page.next === undefined) break;
        page = await contract.changesSince({ after: page.next, limit: 3 });
      }
      expect(ids.size).toBeGreaterThan(3);
      const wanted = client();
      const { version } = await contract.edit({ put: { clients: [wanted] } }, by);
      const since = await contract.changesSince({ since: page.version });
      expect(since).toMatchObject({ version, whole: false });
      expect(since.changed.map(({ kind, id }) => [kind, id])).toEqual([['client', wanted.id]]);
      await contract.edit({ remove: [{ kind: 'client', id: wanted.id }] }, by);
      const after = await contract.changesSince({ since: version });
      expect(after.removed).toEqual([{ kind: 'client', id: wanted.id }]);
      expect(await contract.changesSince({ since: after.version })).toMatchObject({ changed: [], removed: [] });
    });
  },
});
