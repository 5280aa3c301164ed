import type { PostureStream, StreamedPosture } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { codeOf } from '@countersign/testkit';
import { describePostures } from '@countersign/testkit/conformance';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createPosturesReplica,
  type PosturesReplica,
  type PosturesReplicaDependencies,
  type RunningDevices,
} from '../index.ts';
import { annas, banks, broker, shared } from '../testing/device-directory.ts';
import { createDeviceWorld, type DeviceWorld } from '../testing/device-world.ts';

const by = { institution: broker };

function replicaOf(
  world: DeviceWorld,
  source: PostureStream,
  options: Partial<PosturesReplicaDependencies> = {},
): Promise<PosturesReplica> {
  const { audit: log, directory, clock, logger } = world;
  return createPosturesReplica({
    source,
    log,
    directory,
    clock,
    logger,
    random: systemRandom,
    everyMs: 50,
    ...options,
  });
}

function reporter(world: DeviceWorld, node: RunningDevices) {
  return async (...found: readonly { readonly device: string; readonly posture: string }[]) => {
    const posture_at = new Date(world.clock.now()).toISOString();
    const lines = found.map(({ device, posture }) => ({
      ...{ device, posture, posture_at },
      ...(posture === 'failing' ? { failed: ['disk_encryption'] } : {}),
    }));
    // Reports are issued in whole seconds, and after the checks that they report.
    world.clock.advance(1_000);
    await node.takeReport(world.report(lines), by);
  };
}

for (const who of ['the owner', 'a replica'] as const)
  describePostures(who, async () => {
    const world = await createDeviceWorld();
    const node = await world.node();
    const replica = who === 'a replica' ? await replicaOf(world, node) : undefined;
    return {
      ...{ reader: replica ?? node, clock: world.clock, device: annas.id, foreign: banks.id },
      report: reporter(world, node),
      async close() {
        await replica?.stop();
        await world.close();
      },
    };
  });

describe('a replica of device postures', () => {
  let world: DeviceWorld;
  let owner: RunningDevices;
  let report: ReturnType<typeof reporter>;
  const replicas: PosturesReplica[] = [];
  beforeEach(async () => {
    world = await createDeviceWorld();
    owner = await world.node();
    report = reporter(world, owner);
  });
  afterEach(async () => {
    world.audit.repair();
    await Promise.all(replicas.splice(0).map((replica) => replica.stop()));
    await world.close();
  });

  async function open(
    source: PostureStream = owner,
    options: Partial<PosturesReplicaDependencies> = {},
  ): Promise<PosturesReplica> {
    const replica = await replicaOf(world, source, options);
    replicas.push(replica);
    return replica;
  }
  /** An owner that changes each posture before it sends it. */
  const lying = (change: (posture: StreamedPosture) => readonly StreamedPosture[]): PostureStream => ({
    async posturesSince(request) {
      const { postures, newest } = await owner.posturesSince(request);
      return { postures: postures.flatMap(change), newest };
    },
    posturesOf: async (devices) => (await owner.posturesOf(devices)).flatMap(change),
  });
  const codeNow = (replica: PosturesReplica) => codeOf(Promise.resolve().then(() => replica.postureOf(annas.id)));

  it.each<readonly [string, (posture: StreamedPosture) => readonly StreamedPosture[]]>([
    ['calls a failing device compliant', (posture) => [{ ...posture, posture: 'compliant', failed: [] }]],
    ['leaves it out', () => []],
    [
      'says that somebody else wrote it',
      (posture) => [{ ...posture, sealed: false, posture: 'compliant', failed: [] }],
    ],
  ])('shows the recorded posture when the owner %s', async (_name, change) => {
    await report({ device: annas.id, posture: 'failing' });
    const replica = await open(lying(change));
    expect(replica.postureOf(annas.id)).toMatchObject({ posture: 'failing', failed: ['disk_encryption'] });
    // So the lie begins later.
    await report({ device: shared.id, posture: 'failing' });
    await replica.refresh();
    expect(replica.postureOf(shared.id)?.posture).toBe('failing');
  });

  it('does not treat a device without a record as healthy when the directory says otherwise', async () => {
    await report({ device: shared.id, posture: 'compliant' });
    const failing = { ...annas, posture: 'failing' as const };
    const before = world.directory.snapshot();
    const replica = await open(
      lying((posture) => [posture, { ...posture, device: annas.id, sealed: true }]),
      {
        directory: {
          snapshot: () => ({
            ...before,
            device: (id) => (id === annas.id ? failing : before.device(id)),
          }),
        },
      },
    );
    expect(replica.postureOf(annas.id)).toMatchObject({ posture: 'failing', source: 'directory' });
    expect(replica.postureOf(shared.id)).toMatchObject({ posture: 'compliant', source: 'edr' });
  });

  it('refuses a check time in the future', async () => {
    await report({ device: shared.id, posture: 'compliant' });
    const replica = await open(lying((posture) => [{ ...posture, postureAt: '2036-01-01T00:00:00Z' }]));
    expect(replica.postureOf(shared.id)?.postureAt).toBe(new Date(world.clock.now()).toISOString());
  });

  it('refuses once the owner or the log has been unreachable for some seconds', async () => {
    let isGone = false;
    const replica = await open(
      {
        async posturesSince(request) {
          if (isGone) throw new Error('the connection was refused');
          return owner.posturesSince(request);
        },
        posturesOf: (devices) => owner.posturesOf(devices),
      },
      { maxAgeMs: 300 },
    );
    expect(replica.postureOf(annas.id)).toBeDefined();
    isGone = true;
    await expect.poll(() => codeNow(replica)).toBe('postures_behind');
    isGone = false;
    await expect.poll(() => codeNow(replica)).toBe('nothing was refused');
    world.audit.breakDown();
    await expect.poll(() => codeNow(replica)).toBe('postures_behind');
    world.audit.repair();
    await expect.poll(() => codeNow(replica)).toBe('nothing was refused');
  });
});
