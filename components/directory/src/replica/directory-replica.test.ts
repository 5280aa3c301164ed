import { setTimeout as sleep } from 'node:timers/promises';
import type { DirectoryEdit, DirectoryPage, DirectoryStream } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { codeOf } from '@countersign/testkit';
import { allOf, describeDirectoryReading } from '@countersign/testkit/conformance';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createDirectoryReplica,
  type DirectoryComponent,
  type DirectoryReplica,
  type DirectoryReplicaDependencies,
} from '../index.ts';
import { fileWithServices, relyingParty, tradingDesk } from '../testing/example-clients.ts';
import { broker, exampleKeyPair, exampleSeed, operator } from '../testing/example-file.ts';
import { changeByTwo, createRig, proposer, type Rig } from '../testing/rig.ts';

const logger = createLogger({ level: 'silent', name: 'test' });

async function replicaOf(
  rig: Rig,
  source: DirectoryReplicaDependencies['source'],
  options: Partial<DirectoryReplicaDependencies> = {},
): Promise<DirectoryReplica> {
  const { clock, audit: log } = rig;
  return createDirectoryReplica({ source, log, clock, logger, random: systemRandom, seed: exampleSeed(), ...options });
}

const add = (id: string): DirectoryEdit => ({
  put: { people: [{ id, institution: broker, roles: [], federated: [], credentials: [] }] },
});
const remove = (id: string): DirectoryEdit => ({ remove: [{ kind: 'person', id }] });

/** The owner as seen from another process: every message is copied, and pages are short. */
function remote(owner: DirectoryComponent, limit = 3): DirectoryReplicaDependencies['source'] {
  return {
    changesSince: async (request) => structuredClone(await owner.changesSince({ ...request, limit })),
    plan: (file, options) => owner.plan(file, options),
    edit: (edit, by, options) => owner.edit(edit, by, options),
    clientDocument: (id) => owner.clientDocument(id),
  };
}

for (const who of ['the owner', 'a replica'] as const)
  describeDirectoryReading(who, async () => {
    const rig = await createRig();
    const owner = await rig.open({ waitMs: 300 });
    await owner.apply(fileWithServices(), proposer);
    const replica = who === 'a replica' ? await replicaOf(rig, remote(owner), { waitMs: 300 }) : undefined;
    return {
      ...{ owner, reader: replica ?? owner, by: proposer, add, remove },
      async close() {
        await replica?.stop();
        await rig.close();
      },
    };
  });

describe('a replica of the directory', () => {
  let rig: Rig;
  let owner: DirectoryComponent;
  const replicas: DirectoryReplica[] = [];
  beforeEach(async () => {
    rig = await createRig();
    owner = await rig.open({ pollMs: 50 });
    await owner.apply(fileWithServices(), proposer);
  });
  afterEach(async () => {
    rig.breakLog(false);
    await Promise.all(replicas.splice(0).map((replica) => replica.stop()));
    await rig.close();
  });

  async function open(
    source: DirectoryReplicaDependencies['source'] = remote(owner),
    options: Partial<DirectoryReplicaDependencies> = {},
  ): Promise<DirectoryReplica> {
    const replica = await replicaOf(rig, source, options);
    replicas.push(replica);
    return replica;
  }
  const contradictions = () => rig.log.filter(({ type }) => type === 'row.rejected').length;
  const codeNow = (replica: DirectoryReplica) => codeOf(Promise.resolve().then(() => replica.snapshot()));

  it('follows keys, records of credentials, clients and removals', async () => {
    const replica = await open();
    const people = [{ use: 'approval', jwk: exampleKeyPair().publicJwk }].map((credential) => ({
      ...{ id: 'person:new', institution: broker, roles: [], federated: [], credentials: [credential] },
    }));
    await changeByTwo(owner, { edit: { put: { people, clients: [relyingParty()] } } });
    await changeByTwo(owner, { edit: { put: { clients: [tradingDesk()] } } });
    await owner.edit(remove('person:anna.keller'), proposer);
    const expected = allOf(owner.snapshot());
    expect(allOf(await replica.snapshotAtLeast(expected.version))).toEqual(expected);
    expect(replica.snapshot().recordOf('person:new')).toBeDefined();
    expect(replica.snapshot().knownPrincipal('person:anna.keller')).toEqual(
      owner.snapshot().knownPrincipal('person:anna.keller'),
    );
    // A new replica gets the same from the start.
    expect(allOf((await open()).snapshot())).toEqual(expected);
  });

  it('holds one version, although the owner changed between two pages', async () => {
    let left = 3;
    const { changesSince, ...rest } = remote(owner, 2);
    const replica = await open({
      ...rest,
      async changesSince(request) {
        const page = await changesSince(request);
        if (request.after !== undefined && left > 0) {
          left -= 1;
          await owner.edit(left === 1 ? remove('person:anna.keller') : add(`person:a-${left}`), proposer);
        }
        return page;
      },
    });
    expect(left).toBe(0);
    expect(allOf(replica.snapshot())).toEqual(allOf(owner.snapshot()));
  });

  it('reads everything again when the owner no longer has the changes since', async () => {
    let current = owner;
    const replica = await open({
      changesSince: (request) => remote(current).changesSince(request),
      plan: (file) => current.plan(file),
      edit: (edit, by) => current.edit(edit, by),
      clientDocument: (id) => current.clientDocument(id),
    });
    await owner.edit(add('person:before'), proposer);
    await replica.snapshotAtLeast(owner.snapshot().version);
    await owner.stop();
    current = await rig.open({ pollMs: 50 });
    const { version } = await current.edit(remove('person:before'), proposer);
    expect(allOf(await replica.snapshotAtLeast(version))).toEqual(allOf(current.snapshot()));
    expect(replica.snapshot().principal('person:before')).toBeUndefined();
  });

  it('waits at the owner for changes, and is answered at once when there are some', async () => {
    const { version } = owner.snapshot();
    await owner.changesSince({ since: version });
    const began = performance.now();
    const [page] = await Promise.all([
      owner.changesSince({ since: version, waitMs: 10_000 }),
      sleep(50).then(() => owner.edit(add('person:awaited'), proposer)),
    ]);
    expect(page).toMatchObject({
      version: version + 1,
      whole: false,
      changed: [{ id: 'person:awaited' }],
      removed: [],
    });
    // Entities whose only change is their record are sent without their documents.
    expect(page.records).toEqual([{ person: 'person:ben.ito', record: owner.snapshot().recordOf('person:ben.ito') }]);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(await owner.changesSince({ since: version + 1, waitMs: 20 })).toMatchObject({ changed: [], removed: [] });
  });

  describe('with a lying owner', () => {
    const altered = (
      source: DirectoryReplicaDependencies['source'],
      change: (page: DirectoryPage) => DirectoryPage,
    ): DirectoryStream => ({
      changesSince: async (request) => change(await source.changesSince(request)),
    });
    const empowered = (page: DirectoryPage): DirectoryPage => ({
      ...page,
      changed: page.changed.map((entity) =>
        entity.id === 'person:anna.keller'
          ? { ...entity, document: { ...Object(entity.document), roles: ['supervisor'] } }
          : entity,
      ),
    });

    it.each<readonly [string, (page: DirectoryPage) => DirectoryPage]>([
      ['gives a person a role', empowered],
      ['leaves out an entity', (page) => ({ ...page, changed: page.changed.filter(({ id }) => id !== 'broker-oms') })],
      ['gives it another version number', (page) => ({ ...page, version: page.version + 1 })],
      [
        'says of another record that it lists the keys',
        (page) => ({
          ...page,
          changed: page.changed.map(({ record: _, ...entity }) => entity),
        }),
      ],
    ])('does not start when it %s, and reports that', async (_name, change) => {
      const source = remote(owner);
      expect(await codeOf(open({ ...source, ...altered(source, change) }, { maxAgeMs: 300 }))).toBe(
        'authority_unproven',
      );
      expect(contradictions()).toBe(1);
      expect(rig.log.at(-1)).toMatchObject({ source: 'directory', reason: 'authority_unproven' });
    });

    it('keeps what the log proves, and refuses when that is no longer the newest', async () => {
      let lies = false;
      const source = remote(owner);
      const replica = await open(
        { ...source, ...altered(source, (page) => (lies ? empowered({ ...page, version: page.version + 1 }) : page)) },
        { maxAgeMs: 300, waitMs: 100 },
      );
      lies = true;
      await expect.poll(contradictions).toBe(1);
      expect(replica.snapshot().principal('person:anna.keller')).toMatchObject({ roles: ['trader'] });
      // The replica does not trust what the owner streams of the next version either.
      await owner.edit(add('person:new'), proposer);
      await expect.poll(() => codeNow(replica)).toBe('authority_unproven');
      expect(await codeOf(replica.snapshotAtLeast(0))).toBe('authority_unproven');
      lies = false;
      await expect.poll(() => codeNow(replica)).toBe('nothing was refused');
      expect(replica.snapshot().principal('person:new')).toBeDefined();
    });
  });

  it('refuses once neither the log nor the owner has confirmed it, and continues when one does', async () => {
    let isGone = false;
    const gone = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
      if (isGone) throw new Error('the connection was refused');
      return ask();
    };
    const source = remote(owner);
    const replica = await open(
      { ...source, changesSince: (request) => gone(() => source.changesSince({ ...request, waitMs: 50 })) },
      { maxAgeMs: 400, waitMs: 100 },
    );
    // Either the log or the owner is sufficient.
    isGone = true;
    await sleep(900);
    // Polled, because a busy machine may confirm it late.
    await expect.poll(() => codeNow(replica)).toBe('nothing was refused');
    isGone = false;
    rig.breakLog(true);
    await sleep(900);
    // Polled, because a busy machine may confirm it late.
    await expect.poll(() => codeNow(replica)).toBe('nothing was refused');
    isGone = true;
    await expect.poll(() => codeNow(replica)).toBe('directory_behind');
    expect(await codeOf(replica.snapshotAtLeast(0))).toBe('directory_behind');
    isGone = false;
    rig.breakLog(false);
    await expect.poll(() => codeNow(replica)).toBe('nothing was refused');
  });

  it('is never older than changes made through it, even when they cannot be read', async () => {
    let isDeaf = false;
    const source = remote(owner);
    const replica = await open(
      {
        ...source,
        async changesSince(request) {
          if (isDeaf) throw new Error('the connection was refused');
          return source.changesSince({ ...request, waitMs: 20 });
        },
      },
      { waitMs: 100 },
    );
    isDeaf = true;
    await sleep(100);
    const { version } = await replica.edit(add('person:unread'), proposer);
    expect(await codeNow(replica)).toBe('directory_behind');
    isDeaf = false;
    await expect.poll(() => codeNow(replica)).toBe('nothing was refused');
    expect(replica.snapshot().version).toBe(version);
  });

  it('does not apply a change before the log says that it was committed', async () => {
    const replica = await open(undefined, { waitMs: 100 });
    rig.breakLog(true, ({ type }) => type === 'directory.committed');
    const { version } = await owner.edit(add('person:pending'), proposer);
    expect(await codeOf(replica.snapshotAtLeast(version))).toBe('directory_behind');
    expect(replica.snapshot().principal('person:pending')).toBeUndefined();
    rig.breakLog(false);
    await expect.poll(() => replica.snapshot().version).toBe(version);
    expect(contradictions()).toBe(0);
  });

  it('has its own seed only', async () => {
    const replica = await open(undefined, { seed: {} });
    // Entities of the seed are not streamed.
    expect(replica.snapshot().institution(operator)).toBeUndefined();
  });
});
