import type { Actor, Directory, DirectoryEdit, DirectorySnapshot } from '@countersign/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../code-of.ts';

type Reading = Pick<Directory, 'snapshot' | 'snapshotAtLeast' | 'plan' | 'edit'>;

export interface DirectoryUnderTest {
  /** Where changes are made. */
  readonly owner: Reading;
  /** The implementation under test: the owner itself, or a copy in another process. */
  readonly reader: Reading;
  readonly by: Actor;
  /** An edit that adds a principal of this id, or removes it; one person may make it. */
  add(id: string): DirectoryEdit;
  remove(id: string): DirectoryEdit;
  close(): Promise<unknown>;
}

/** The contract of snapshots, for every implementation. */
export function describeDirectoryReading(name: string, make: () => Promise<DirectoryUnderTest>): void {
  describe(`the contract of directory snapshots, implemented by ${name}`, () => {
    let made: DirectoryUnderTest;
    beforeAll(async () => {
      made = await make();
    });
    afterAll(() => made.close());

    it('shows a change made elsewhere at the version that the change returned', async () => {
      const { version } = await made.owner.edit(made.add('person:read-1'), made.by);
      const snapshot = await made.reader.snapshotAtLeast(version);
      expect(snapshot.version).toBeGreaterThanOrEqual(version);
      expect(snapshot.principal('person:read-1')).toMatchObject({ kind: 'person' });
      expect(made.reader.snapshot().version).toBeGreaterThanOrEqual(version);
    });

    it('never changes a snapshot that a caller holds', async () => {
      const { version } = await made.owner.edit(made.add('person:read-2'), made.by);
      const held = await made.reader.snapshotAtLeast(version);
      const { version: later } = await made.owner.edit(made.remove('person:read-2'), made.by);
      const next = await made.reader.snapshotAtLeast(later);
      expect(held.principal('person:read-2')).toBeDefined();
      expect(next.principal('person:read-2')).toBeUndefined();
    });

    it('shows its own change at once', async () => {
      const { version } = await made.reader.edit(made.add('person:read-3'), made.by);
      expect(made.reader.snapshot().version).toBeGreaterThanOrEqual(version);
      expect(made.reader.snapshot().principal('person:read-3')).toBeDefined();
      expect(await made.reader.plan({})).toEqual([]);
    });

    it('refuses a version that does not arrive in time', async () => {
      expect(await codeOf(made.reader.snapshotAtLeast(made.owner.snapshot().version + 1))).toBe('directory_behind');
    });

    it('shows what the owner shows', async () => {
      const snapshot = await made.reader.snapshotAtLeast(made.owner.snapshot().version);
      expect(allOf(snapshot)).toEqual(allOf(made.owner.snapshot()));
    });
  });
}

/** All lists and look-up results of a snapshot. */
export function allOf(snapshot: DirectorySnapshot) {
  const principals = [...snapshot.principals()];
  const clients = [...snapshot.clients()];
  return {
    version: snapshot.version,
    institutions: [...snapshot.institutions()],
    principals,
    records: principals.map(({ id }) => snapshot.recordOf(id)),
    claims: principals.map(({ id }) => snapshot.personalClaims(id)),
    accounts: [...snapshot.accounts()],
    venues: [...snapshot.venues()],
    resources: [...snapshot.resources()],
    devices: [...snapshot.devices()],
    clients,
    holders: clients.flatMap(({ keys }) => keys.map(({ thumbprint }) => snapshot.keyHolder(thumbprint))),
  };
}
