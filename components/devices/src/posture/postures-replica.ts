import {
  type AuditLog,
  type Devices,
  type Directory,
  deviceErrors,
  type PostureStream,
  type StreamedPosture,
} from '@countersign/contracts';
import { type Clock, parseInstant, type Random } from '@countersign/kernel';
import { type Logger, startReadModel } from '@countersign/runtime';
import type { KeptPosture, StoredPosture } from '../store/postures.ts';
import { createPostureMemory } from './posture-memory.ts';
import { createProvenPostures } from './proven-postures.ts';

export interface PosturesReplicaDependencies {
  /** The owner, in another process. What it streams is compared with the log. */
  readonly source: PostureStream;
  readonly log: Pick<AuditLog, 'append' | 'standings' | 'find' | 'search' | 'newest'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How often the owner and the log are queried. 500 ms by default. */
  readonly everyMs?: number;
  /** Maximum age of the copy. 5 s by default. */
  readonly maxAgeMs?: number;
}

/** The postures of devices in a process that does not own them. */
export interface PosturesReplica extends Pick<Devices, 'postureOf'> {
  /** Reads everything reported before the call. @throws CodedError `log_unavailable`; what the owner answers */
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The log decides the posture; the owner adds the time of the last check. If the directory says failing, only a record makes
 * the device compliant. `postureOf` throws `postures_behind` if owner or log could not be read for `maxAgeMs`.
 * @throws CodedError `log_unavailable`; errors of the owner
 */
export async function createPosturesReplica(dependencies: PosturesReplicaDependencies): Promise<PosturesReplica> {
  const { source, log: audit, directory, clock } = dependencies;
  const proven = createProvenPostures({
    ...dependencies,
    audit,
    mayBeUnrecorded: ({ device, posture, failed }) =>
      posture === 'failing' || (failed.length === 0 && directory.snapshot().device(device)?.posture === 'compliant'),
  });

  function kept({ sealed, postureAt, ...rest }: StreamedPosture): KeptPosture {
    // No device was checked in the future.
    const at = Math.min(parseInstant(postureAt) ?? 0, clock.now());
    const posture: StoredPosture = { ...rest, postureAt: new Date(at) };
    return { posture, sealed };
  }
  const store = {
    async after(known: bigint, limit: number) {
      const { postures, newest } = await source.posturesSince({ after: known, limit });
      return { postures: postures.map(kept), newest };
    },
    of: async (devices: readonly string[]) => (await source.posturesOf(devices)).map(kept),
  };
  const memory = createPostureMemory({ store, proven, audit, directory });
  const model = await startReadModel({
    ...dependencies,
    what: 'postures of devices',
    read: () => memory.refresh(),
    tooOld: () =>
      deviceErrors.error(
        'postures_behind',
        'Device postures could not be read for some seconds, so no decision relies on them. Check the process of the devices ' +
          'and the audit log.',
      ),
  });
  return {
    postureOf(device) {
      model.requireFresh();
      return memory.of(device, directory.snapshot());
    },
    refresh: () => model.refresh(),
    stop: () => model.stop(),
  };
}
