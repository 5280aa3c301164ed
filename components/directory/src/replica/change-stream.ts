import type { DirectoryPage, DirectoryStream, StreamedEntity } from '@countersign/contracts';
import { defined, type RecordId } from '@countersign/kernel';
import { keyOf } from '../entry.ts';
import { nameOfKey } from '../key-times.ts';
import type { LiveGraph } from '../live-graph.ts';
import type { State } from '../state.ts';

/** The entities that differ, by `keyOf`. */
interface Step {
  readonly from: number;
  readonly to: number;
  readonly keys: readonly string[];
  readonly documents: ReadonlySet<string>;
}

/** A copy that is further behind than this reads the whole directory. */
const maxKeys = 100_000;
const maxSteps = 1_000;
const maxEntities = 2_000;
/** Characters of documents in one page. */
const maxText = 1_048_576;
const longestWaitMs = 10_000;
/** Further callers are answered at once. */
const maxWaiting = 64;

/** It stores steps only after the first request, so it costs nothing before. */
export function createChangeStream(
  graph: Pick<LiveGraph, 'state' | 'seed' | 'onAdvance'>,
): DirectoryStream & { stop(): void } {
  const seeded = [...graph.seed.values()].flatMap(({ entity }) => (entity.kind === 'client' ? [entity] : []));
  const steps: Step[] = [];
  const waiting = new Set<() => void>();
  let isAsked = false;

  graph.onAdvance((before, next) => {
    if (isAsked) remember(before, next);
    for (const wake of [...waiting]) wake();
  });

  function remember(before: State, next: State): void {
    steps.push({ from: before.version, to: next.version, ...keysBetween(before, next) });
    let total = steps.reduce((sum, step) => sum + step.keys.length, 0);
    while (total > maxKeys || steps.length > maxSteps) total -= steps.shift()?.keys.length ?? total;
  }

  function changedSince(since: number, { version }: State): Pick<Step, 'keys' | 'documents'> | undefined {
    if (since >= version) return { keys: [], documents: new Set() };
    const first = steps.findIndex(({ from }) => from === since);
    if (first < 0 || steps.at(-1)?.to !== version) return undefined;
    const taken = steps.slice(first);
    return {
      keys: [...new Set(taken.flatMap(({ keys }) => keys))].sort(),
      documents: new Set(taken.flatMap(({ documents }) => [...documents])),
    };
  }

  async function newer(since: number, waitMs: number): Promise<void> {
    if (graph.state().version > since || waitMs <= 0 || waiting.size >= maxWaiting) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.min(waitMs, longestWaitMs));
      waiting.add(wake);
    });
  }

  function timesOf(
    clients: readonly {
      readonly value: { readonly id: string };
      readonly keys: readonly { readonly thumbprint: string }[];
    }[],
    { keyTimes }: State,
  ): DirectoryPage['keyTimes'] {
    return clients.flatMap(({ value: { id }, keys }) =>
      keys.flatMap(({ thumbprint }) => {
        const registeredAt = keyTimes.get(nameOfKey(id, thumbprint));
        return registeredAt === undefined ? [] : [{ client: id, thumbprint, registeredAt }];
      }),
    );
  }

  return {
    async changesSince({ since, after, limit = 1_000, waitMs = 0 }) {
      isAsked = true;
      if (since !== undefined && after === undefined) await newer(since, waitMs);
      const state = graph.state();
      const known = since === undefined ? undefined : changedSince(since, state);
      const whole = known === undefined;
      const keys = known?.keys ?? [...state.stored.keys()];
      const changed: StreamedEntity[] = [];
      const removed: { readonly kind: string; readonly id: string }[] = [];
      const records: { readonly person: string; readonly record: RecordId }[] = [];
      const clients: Parameters<typeof timesOf>[0][number][] = after === undefined && whole ? [...seeded] : [];
      const most = Math.max(1, Math.min(limit, maxEntities));
      let text = 0;
      let place = after === undefined ? 0 : keys.findIndex((key) => key > after);
      if (place < 0) place = keys.length;
      for (
        ;
        place < keys.length && changed.length + removed.length + records.length < most && text < maxText;
        place++
      ) {
        const key = keys[place] ?? '';
        const entry = state.stored.get(key);
        if (entry === undefined) {
          removed.push(namesOf(key));
          continue;
        }
        const { id, entity, document } = entry;
        const record = entity.kind === 'person' ? state.contents.records.get(id) : undefined;
        if (record !== undefined && known?.documents.has(key) === false) {
          records.push({ person: id, record });
          continue;
        }
        changed.push({ kind: entity.kind, id, document, ...defined({ record }) });
        if (entity.kind === 'client') clients.push(entity);
        text += JSON.stringify(document).length;
      }
      const last = keys[place - 1];
      return {
        version: state.version,
        whole,
        changed,
        removed,
        records,
        keyTimes: timesOf(clients, state),
        ...(place < keys.length && last !== undefined ? { next: last } : {}),
      };
    },

    stop() {
      for (const wake of [...waiting]) wake();
    },
  };
}

function keysBetween({ contents: previous }: State, { contents: next }: State): Pick<Step, 'keys' | 'documents'> {
  const documents = new Set<string>();
  for (const [key, digest] of next.documents) if (previous.documents.get(key) !== digest) documents.add(key);
  for (const key of previous.documents.keys()) if (!next.documents.has(key)) documents.add(key);
  const people = new Set<string>();
  for (const [person, record] of next.records) if (previous.records.get(person) !== record) people.add(person);
  for (const person of previous.records.keys()) if (!next.records.has(person)) people.add(person);
  return { keys: [...new Set([...documents, ...[...people].map((person) => keyOf('person', person))])], documents };
}

/** Kinds contain no space. */
function namesOf(key: string): { readonly kind: string; readonly id: string } {
  const end = key.indexOf(' ');
  return { kind: key.slice(0, end), id: key.slice(end + 1) };
}
