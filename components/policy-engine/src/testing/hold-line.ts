import type { PolicyBundle } from '@countersign/contracts';
import { onTestFinished } from 'vitest';
import { loadBundleAside } from '../bundle/load-aside.ts';
import { smallBundle } from './small-bundle.ts';

/**
 * Begins to read a bundle whose reading does not end before it is let go of, or the test ends: until then nothing behind
 * it in its line is read, and all other work goes on.
 * @param waiting so many more stand behind it; they take no time
 * @returns lets go of it, and resolves when all of these have been read
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

/** Refused as soon as its turn comes. */
function unreadable(): PolicyBundle {
  return {
    ...smallBundle(),
    get policies(): never {
      throw new Error('nobody can read it');
    },
  };
}
