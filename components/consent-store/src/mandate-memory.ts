import type { Mandate } from '@countersign/contracts';
import { createGenerations, type MandateId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { type HeldMandate, held, type MandateView } from './held-mandates.ts';
import type { LoadedLines } from './store/view-store.ts';

export interface Change {
  readonly id: MandateId;
  readonly version: number;
  readonly grantee: Lei;
  readonly cut: boolean;
}

/** A running database read. Changes that arrive meanwhile are not overwritten. */
export interface Loading {
  /** Keeps the loaded mandates, except those that changed since the read started. */
  done(loaded: LoadedLines): void;
  abandoned(): void;
}

export interface MandateMemory extends MandateView {
  /** Forgets outdated mandates. The new version itself is not kept, because an even newer one may have been announced before. */
  changed(changes: readonly Change[]): void;
  forgetAll(): void;
  /** Call before the read starts. */
  loading(id: string, holder: Lei): Loading;
  readonly size: number;
}

/** One lookup result may name hundreds of mandates, so fewer of them are kept. */
const lookUpsPer = 10;
const mostHolders = 100_000;

/** Key of a lookup; ids contain no space, so it is unique. */
const keyOf = (id: string, holder: string) => `${id} ${holder}`;

/** The newest versions of recently used mandates, at most twice `size`. Changed mandates are forgotten and read again on use. */
export function createMandateMemory(size: number): MandateMemory {
  const mandates = createGenerations<string, HeldMandate>(size);
  const below = createGenerations<string, { readonly ids: readonly string[]; readonly epoch: number }>(
    Math.max(1, Math.floor(size / lookUpsPer)),
  );
  /** When each holder last got a new sub-mandate; older lookups are invalid. */
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
