import type { PersonSignal } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import type { SignalStore, StoredSignal } from './signal-store.ts';

export type SignalMemory = ReturnType<typeof createSignalMemory>;

type Active = Pick<StoredSignal, 'name' | 'until'>;

const none: readonly never[] = [];
const sliceSize = 5_000;
const forgetEveryMs = 60_000;

export function createSignalMemory(store: Pick<SignalStore, 'after'>, clock: Clock) {
  const people = new Map<string, readonly Active[]>();
  let newest = 0n;
  let forgotAt = clock.now();

  async function read(): Promise<void> {
    for (;;) {
      const slice = await store.after(newest, sliceSize);
      for (const { person, name, until } of slice.signals) {
        const others = (people.get(person) ?? none).filter((each) => each.name !== name);
        keep(person, until > clock.now() ? [...others, { name, until }].sort(byName) : others);
      }
      newest = slice.newest;
      if (slice.signals.length < sliceSize) break;
    }
    const now = clock.now();
    if (now - forgotAt < forgetEveryMs) return;
    forgotAt = now;
    for (const [person, active] of people)
      keep(
        person,
        active.filter(({ until }) => until > now),
      );
  }

  function keep(person: string, active: readonly Active[]): void {
    if (active.length === 0) people.delete(person);
    else people.set(person, active);
  }
  let reading: Promise<void> = Promise.resolve();

  return {
    /** Sorted. */
    of(person: string): readonly PersonSignal[] {
      const active = people.get(person);
      if (active === undefined) return none;
      const now = clock.now();
      return active.filter(({ until }) => until > now).map(({ name }) => name);
    },
    /** Reads changes, also by other nodes. */
    refresh(): Promise<void> {
      // In order, so that an earlier read does not overwrite a later one.
      const after = reading.then(read, read);
      reading = after;
      return after;
    },
  };
}

function byName(one: Active, other: Active): number {
  return one.name < other.name ? -1 : 1;
}
