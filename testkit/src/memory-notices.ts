import type { Notices } from '@countersign/contracts';

type Notice = Parameters<Notices['notify']>[0];

export interface MemoryNotices extends Notices {
  /** Oldest first, each once; a test may empty it. */
  readonly told: Notice[];
  /** Makes notices fail from now on; undefined restores them. */
  failWith(error: Error | undefined): void;
}

export function createMemoryNotices(): MemoryNotices {
  const taken = new Set<string>();
  const told: Notice[] = [];
  let failure: Error | undefined;
  return {
    told,
    async notify(notice) {
      if (failure !== undefined) throw failure;
      if (taken.has(notice.id)) return;
      taken.add(notice.id);
      told.push(notice);
    },
    failWith(error) {
      failure = error;
    },
  };
}
