import type { CloudEvent, EventTopic } from '@countersign/contracts';
import type { NewRecords } from './new-records.ts';
import type { Reader } from './reader.ts';

export type Followed =
  | { readonly kind: 'event'; readonly event: CloudEvent }
  | { readonly kind: 'position'; readonly position: bigint };

export interface Following {
  readonly institution: string;
  readonly topics: readonly EventTopic[];
  readonly after: bigint;
}

/** Events read ahead for a slow reader. */
const eventsAtOnce = 100;

/** Ends when asked to. */
export async function* follow(
  { institution, topics, after }: Following,
  { reader, watch }: { readonly reader: Reader; readonly watch: NewRecords },
  { signal, ended }: { readonly signal: AbortSignal; readonly ended: () => boolean },
): AsyncGenerator<Followed> {
  let position = after;
  yield { kind: 'position', position };
  let newest = await reader.newest();
  while (!ended()) {
    const page = await reader.read(institution, { after: position, topics, limit: eventsAtOnce, newest });
    for (const event of page.events) {
      if (ended()) return;
      yield { kind: 'event', event };
    }
    if (page.position > position) {
      position = page.position;
      yield { kind: 'position', position };
    }
    const seen = page.atEnd ? await watch.behind(position, signal) : newest;
    if (ended()) return;
    newest = seen ?? (await reader.newest());
  }
}
