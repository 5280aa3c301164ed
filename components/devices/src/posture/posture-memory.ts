import type { Device, DevicePosture, DirectorySnapshot } from '@countersign/contracts';
import { parseInstant, toInstant } from '@countersign/kernel';
import type { PostureStore, StoredPosture } from '../store/postures.ts';

/** What is known of devices on this node. */
export interface PostureMemory {
  /** The newer of what was reported and what the directory has; costs a map access. */
  of(device: string, directory: DirectorySnapshot): DevicePosture | undefined;
  /** Reads what was reported since; also what other nodes were told. */
  refresh(): Promise<void>;
}

interface Known {
  readonly institution: string;
  readonly at: number;
  readonly told: DevicePosture;
}

/**
 * What counts of a device: the newer of what was reported and what the directory has. Found at the same time to be well
 * and not well, it is not well.
 */
export function countingPosture(device: Device, reported: StoredPosture | undefined): DevicePosture {
  return counting(ofDirectory(device), reported === undefined ? undefined : knownOf(reported)).told;
}

function counting(directorys: Known, reported: Known | undefined): Known {
  if (reported === undefined || reported.institution !== directorys.institution) return directorys;
  if (reported.at === directorys.at) return directorys.told.posture === 'failing' ? directorys : reported;
  return reported.at > directorys.at ? reported : directorys;
}

const sliceSize = 5_000;

export function createPostureMemory(store: PostureStore): PostureMemory {
  const reported = new Map<string, Known>();
  /** The directory's own objects do not change; their times are read once. */
  const directorys = new WeakMap<Device, Known>();
  let newest = 0n;

  function remembered(device: Device): Known {
    const known = directorys.get(device) ?? ofDirectory(device);
    directorys.set(device, known);
    return known;
  }

  async function read(): Promise<void> {
    for (;;) {
      const slice = await store.after(newest, sliceSize);
      for (const posture of slice.postures) reported.set(posture.device, knownOf(posture));
      newest = slice.newest;
      if (slice.postures.length < sliceSize) return;
    }
  }
  let reading: Promise<void> = Promise.resolve();

  return {
    of(id, directory) {
      const device = directory.device(id);
      // Nobody's device: what was reported of it in its time says nothing any more.
      if (device === undefined) return undefined;
      return counting(remembered(device), reported.get(id)).told;
    },

    refresh() {
      // One after the other: a look that began earlier must not put back what a later one has read.
      const after = reading.then(read, read);
      reading = after;
      return after;
    },
  };
}

function ofDirectory({ institution, posture, postureAt }: Device): Known {
  const at = parseInstant(postureAt) ?? 0;
  return { institution, at, told: { posture, postureAt, source: 'directory', failed: [] } };
}

function knownOf({ institution, posture, postureAt, source, failed }: StoredPosture): Known {
  const at = postureAt.getTime();
  return { institution, at, told: { posture, postureAt: toInstant(at), source, failed } };
}
