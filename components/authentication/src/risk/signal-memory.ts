import type { PersonSignal } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import type { SignalStore } from './signal-store.ts';

/** The active signals of people, in the memory of this node. */
export interface SignalMemory {
  /** Sorted; costs a map access. */
  of(person: string): readonly PersonSignal[];
  /** Reads what was changed since; also what other nodes changed. */
  refresh(): Promise<void>;
}

interface Standing {
  readonly name: PersonSignal;
  readonly until: number;
}

const none: readonly never[] = [];
const sliceSize = 5_000;
const forgetEveryMs = 60_000;

export function createSignalMemory(store: Pick<SignalStore, 'after'>, clock: Clock): SignalMemory {
  const people = new Map<string, readonly Standing[]>();
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
    for (const [person, standing] of people)
      keep(
        person,
        standing.filter(({ until }) => until > now),
      );
  }

  function keep(person: string, standing: readonly Standing[]): void {
    if (standing.length === 0) people.delete(person);
    else people.set(person, standing);
  }
  let reading: Promise<void> = Promise.resolve();

  return {
    of(person) {
      const standing = people.get(person);
      if (standing === undefined) return none;
      const now = clock.now();
      return standing.filter(({ until }) => until > now).map(({ name }) => name);
    },
    refresh() {
      // One after the other: a look that began earlier must not put back what a later one has read.
      const after = reading.then(read, read);
      reading = after;
      return after;
    },
  };
}

function byName(one: Standing, other: Standing): number {
  return one.name < other.name ? -1 : 1;
}
