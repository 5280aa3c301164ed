import type {
  AuditLog,
  Device,
  DevicePosture,
  DirectorySnapshot,
  PostureStream,
  StreamedPosture,
} from '@countersign/contracts';
import { parseInstant, toInstant } from '@countersign/kernel';
import type { KeptPosture, PostureStore, StoredPosture } from '../store/postures.ts';
import type { ProvenPostures } from './proven-postures.ts';

const maxAtOnce = 5_000;
const maxDevices = 1_000;

/** For processes that hold a copy. */
export function createPostureStream(store: Pick<PostureStore, 'after' | 'of'>): PostureStream {
  return {
    async posturesSince({ after, limit }) {
      const { postures, newest } = await store.after(after, Math.min(limit, maxAtOnce));
      return { postures: postures.map(streamed), newest };
    },
    posturesOf: async (devices) => (await store.of(devices.slice(0, maxDevices))).map(streamed),
  };
}

function streamed({ posture, sealed }: KeptPosture): StreamedPosture {
  return { ...posture, postureAt: toInstant(posture.postureAt.getTime()), sealed };
}

export type PostureMemory = ReturnType<typeof createPostureMemory>;

interface Known {
  readonly institution: string;
  readonly at: number;
  readonly posture: DevicePosture;
}

/** The newer of the report and the directory's posture; at the same time, a failing one takes precedence. */
export function effectivePosture(device: Device, reported: StoredPosture | undefined): DevicePosture {
  return counting(ofDirectory(device), reported === undefined ? undefined : knownOf(reported)).posture;
}

function counting(directorys: Known, reported: Known | undefined): Known {
  if (reported === undefined || reported.institution !== directorys.institution) return directorys;
  if (reported.at === directorys.at) return directorys.posture.posture === 'failing' ? directorys : reported;
  return reported.at > directorys.at ? reported : directorys;
}

const sliceSize = 5_000;
const pageSize = 1_000;
const changes = ['device.posture-changed'] as const;

export function createPostureMemory(dependencies: {
  readonly store: Pick<PostureStore, 'after' | 'of'>;
  readonly proven: ProvenPostures;
  readonly audit: Pick<AuditLog, 'search' | 'newest'>;
  readonly directory: { snapshot(): Pick<DirectorySnapshot, 'devices'> };
}) {
  const { store, proven, audit, directory } = dependencies;
  const reported = new Map<string, Known>();
  /** Directory entries are immutable; each is read once. */
  const directorys = new WeakMap<Device, Known>();
  let newest = 0n;
  /** Position in the log; undefined until everything has been read once. */
  let position: bigint | undefined;

  function remembered(device: Device): Known {
    const known = directorys.get(device) ?? ofDirectory(device);
    directorys.set(device, known);
    return known;
  }

  async function take(devices: Iterable<string>, rows: readonly KeptPosture[]): Promise<void> {
    const found = await proven.of([...new Set(devices)], rows);
    for (const [device, posture] of found) reported.set(device, knownOf(posture));
  }

  /** Rows alone have the time of the last check. */
  async function readRows(): Promise<void> {
    for (;;) {
      const slice = await store.after(newest, sliceSize);
      await take(
        slice.postures.map(({ posture }) => posture.device),
        slice.postures,
      );
      newest = slice.newest;
      if (slice.postures.length < sliceSize) return;
    }
  }

  /** The log shows changes whose row was deleted or altered. */
  async function readChanges(): Promise<void> {
    if (position === undefined) {
      const from = await audit.newest(changes);
      const devices = [...directory.snapshot().devices()].map(({ id }) => id).filter((id) => !reported.has(id));
      await take(devices, []);
      position = from;
    }
    for (;;) {
      const page = await audit.search({ types: changes, after: position, limit: pageSize, withheld: true });
      const devices = page.flatMap(({ record }) => record.device ?? []);
      if (devices.length > 0) await take(devices, await store.of(devices));
      position = page.at(-1)?.index ?? position;
      if (page.length < pageSize) return;
    }
  }

  async function read(): Promise<void> {
    await readRows();
    await readChanges();
  }
  let reading: Promise<void> = Promise.resolve();

  return {
    /** The newer of what was reported and what the directory has. */
    of(id: string, directory: DirectorySnapshot): DevicePosture | undefined {
      const device = directory.device(id);
      // Not in the directory any more.
      if (device === undefined) return undefined;
      return counting(remembered(device), reported.get(id)).posture;
    },

    /** Reads new reports, also of other nodes, and every recorded change. @throws CodedError `database_unavailable`, `log_unavailable` */
    refresh(): Promise<void> {
      // One at a time, so that an earlier read cannot overwrite a later one.
      const after = reading.then(read, read);
      reading = after;
      return after;
    },
  };
}

function ofDirectory({ institution, posture, postureAt }: Device): Known {
  const at = parseInstant(postureAt) ?? 0;
  return { institution, at, posture: { posture, postureAt, source: 'directory', failed: [] } };
}

function knownOf({ institution, posture, postureAt, source, failed }: StoredPosture): Known {
  const at = postureAt.getTime();
  return { institution, at, posture: { posture, postureAt: toInstant(at), source, failed } };
}
