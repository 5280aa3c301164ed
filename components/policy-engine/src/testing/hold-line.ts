import type { PolicyBundle } from '@countersign/contracts';
import { onTestFinished } from 'vitest';
import { loadBundleAside } from '../bundle/load-aside.ts';
import { smallBundle } from './small-bundle.ts';

/**
 * Starts reading a bundle whose reading does not end until it is released or the test ends: nothing behind it in its queue
 * is read, and all other work continues. @param waiting how many more are queued behind it; they take no time @returns
 * releases it, and resolves when all of these have been read
 */
export function holdLine(waiting: number, urgent?: 'urgent'): () => Promise<void> {
  const { entities, ...rest } = smallBundle();
  let held = true;
  const endless = Object.assign([...entities], {
    *[Symbol.iterator]() {
      do for (let at = 0; at < entities.length; at++) yield entities[at];
      while (held);
    },
  }) as unknown as PolicyBundle['entities'];
  const line = [{ ...rest, entities: endless }, ...Array.from({ length: waiting }, unreadable)].map((bundle) =>
    loadBundleAside(bundle, urgent),
  );
  const settled = Promise.allSettled(line);
  const letGo = async (): Promise<void> => {
    held = false;
    await settled;
  };
  onTestFinished(letGo);
  return letGo;
}

/** Refused when its turn comes. */
function unreadable(): PolicyBundle {
  return {
    ...smallBundle(),
    get policies(): never {
      throw new Error('nobody can read it');
    },
  };
}
