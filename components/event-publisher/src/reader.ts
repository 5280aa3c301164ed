import { type AuditLog, type CloudEvent, type EventTopic, eventErrors, eventTopics } from '@countersign/contracts';
import { type AudienceDependencies, createAudiences } from './audiences.ts';
import { createSlices, sliceSize, slicesPerPage } from './log-slices.ts';
import { beginning, readPosition } from './position.ts';
import { type Projected, project, typesOfTopics } from './projection.ts';

export interface ReaderDependencies extends AudienceDependencies {
  readonly log: Pick<AuditLog, 'scan' | 'newest' | 'find'>;
  readonly origin: string;
}

export interface Asked {
  readonly after: bigint;
  readonly topics: readonly EventTopic[];
  readonly limit: number;
  /** A reader at the end continues after it, and shares the reading with others at the same place. */
  readonly newest?: bigint;
}

export interface Page {
  readonly events: readonly CloudEvent[];
  /** Everything up to this place was examined. */
  readonly position: bigint;
  /** False when the page is full: there may be more. */
  readonly atEnd: boolean;
}

export type Reader = ReturnType<typeof createReader>;

export function createReader(dependencies: ReaderDependencies) {
  const { log, origin } = dependencies;
  const audiences = createAudiences(dependencies);
  const slices = createSlices<Projected & { readonly index: bigint }>({
    log,
    read(record, index) {
      const projected = project(record, index, origin);
      return projected === undefined ? [] : [{ ...projected, index }];
    },
  });

  return {
    async read(institution: string, { after, topics, limit, newest }: Asked): Promise<Page> {
      const events: CloudEvent[] = [];
      const types = topics.flatMap((topic) => typesOfTopics[topic]);
      let position = after;
      for (let count = 0; count < slicesPerPage; count++) {
        const size = count === 0 ? Math.min(limit, sliceSize) : sliceSize;
        const slice = await slices({ types, after: position, size, ...(newest === undefined ? {} : { newest }) });
        const receivableBy = await audiences.receivableBy(institution, slice.items);
        for (const [at, { event, index }] of slice.items.entries()) {
          if (receivableBy[at] !== true) continue;
          events.push(event);
          if (events.length === limit) return { events, position: index, atEnd: false };
        }
        position = slice.last ?? position;
        if (!slice.full)
          return { events, position: newest !== undefined && newest > position ? newest : position, atEnd: true };
      }
      return { events, position, atEnd: false };
    },
    /**
     * The beginning when left out. @throws CodedError `event_position_invalid` for a position that this log cannot
     * have issued
     */
    async positionOf(text: string | undefined): Promise<bigint> {
      if (text === undefined) return beginning;
      const position = readPosition(text);
      if (position === undefined) throw invalidPosition();
      if (position === beginning) return beginning;
      const [entry] = await log.scan({ types: allTypes, after: position - 1n, limit: 1 });
      if (entry?.index !== position) throw invalidPosition();
      return position;
    },
    /** The place of the newest record that makes an event; -1 if none. */
    newest: (): Promise<bigint> => log.newest(allTypes),
  };
}

const allTypes = eventTopics.flatMap((topic) => typesOfTopics[topic]);

function invalidPosition() {
  return eventErrors.error(
    'event_position_invalid',
    'The position was not issued by this interface. Use a returned position, or leave it out to start with the first event.',
  );
}
