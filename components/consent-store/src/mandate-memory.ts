import type { Mandate } from '@countersign/contracts';
import { createGenerations, type MandateId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { type HeldMandate, held, type MandateView } from './held-mandates.ts';
import type { LoadedLines } from './store/view-store.ts';

/** A version of a mandate that was made, by what memory needs to know of it. */
export interface Change {
  readonly id: MandateId;
  readonly version: number;
  readonly grantee: Lei;
  /** Whether it is cut from another. */
  readonly cut: boolean;
}

/** What is read from the database while others change it: changes that pass by meanwhile are not overwritten. */
export interface Loading {
  /** Takes in what was read, but for what has changed since the reading began. */
  done(loaded: LoadedLines): void;
  /** Nothing was read. */
  abandoned(): void;
}

export interface MandateMemory extends MandateView {
  /**
   * Forgets what these changes make wrong. The version that was made is not taken in: by the time it is told of here
   * there may be a newer one, of which this was told before.
   */
  changed(changes: readonly Change[]): void;
  forgetAll(): void;
  /** Call before the reading begins. */
  loading(id: string, holder: Lei): Loading;
  /** Mandates that are held in memory. */
  readonly size: number;
}

/** One look-up may name hundreds of mandates. */
const lookUpsPer = 10;
const mostHolders = 100_000;

/** Look-ups of what an institution holds below a mandate: a string that no two pairs share, since ids hold no space. */
const keyOf = (id: string, holder: string) => `${id} ${holder}`;

/**
 * The newest versions of the mandates that were asked about lately, at most twice `size`.
 *
 * What is here is the newest as far as the changes were followed: whatever changes is forgotten, and read anew when
 * it is asked for.
 */
export function createMandateMemory(size: number): MandateMemory {
  const mandates = createGenerations<string, HeldMandate>(size);
  const below = createGenerations<string, { readonly ids: readonly string[]; readonly epoch: number }>(
    Math.max(1, Math.floor(size / lookUpsPer)),
  );
  /** Per holder, when something new was last cut for them: look-ups from before do not count. */
  const epochs = new Map<string, number>();
  let epoch = 0;
  const readings = new Set<{ readonly changed: Set<string>; everything: boolean }>();

  function touch(key: string): void {
    for (const reading of readings) reading.changed.add(key);
  }

  function cutFor(holder: Lei): void {
    if (epochs.size >= mostHolders) {
      below.clear();
      epochs.clear();
    }
    epochs.set(holder, ++epoch);
    touch(holder);
  }

  function forgetAll(): void {
    mandates.clear();
    below.clear();
    epochs.clear();
    for (const reading of readings) reading.everything = true;
  }

  function take(mandate: Mandate): void {
    if ((mandates.get(mandate.id)?.mandate.version ?? 0) < mandate.version) mandates.keep(mandate.id, held(mandate));
  }

  return {
    whole: false,
    get size() {
      return mandates.size;
    },
    find: (id) => mandates.get(id),
    heldBelow(id, holder) {
      const found = below.get(keyOf(id, holder));
      return found === undefined || found.epoch < (epochs.get(holder) ?? 0) ? undefined : found.ids;
    },
    changed(changes) {
      for (const { id, version, grantee, cut } of changes) {
        touch(id);
        const known = mandates.get(id)?.mandate;
        if (cut && known?.grantee.lei !== grantee) cutFor(grantee);
        if (known !== undefined && known.version < version) mandates.forget(id);
      }
    },
    forgetAll,
    loading(id, holder) {
      const reading = { changed: new Set<string>(), everything: false };
      readings.add(reading);
      return {
        done(loaded) {
          readings.delete(reading);
          if (reading.everything) return;
          for (const mandate of loaded.mandates) if (!reading.changed.has(mandate.id)) take(mandate);
          if (!reading.changed.has(holder)) below.keep(keyOf(id, holder), { ids: loaded.below, epoch });
        },
        abandoned() {
          readings.delete(reading);
        },
      };
    },
  };
}
