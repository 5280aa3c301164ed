import {
  type AuditLog,
  type CloudEvent,
  type EventTopic,
  type EvidenceRecord,
  eventErrors,
  eventTopics,
} from '@countersign/contracts';
import { type AudienceDependencies, createAudiences } from './audiences.ts';
import { beginning, readPosition } from './position.ts';
import { type Projected, project, typesOfTopics } from './projection.ts';

export interface ReaderDependencies extends AudienceDependencies {
  readonly log: Pick<AuditLog, 'scan' | 'newest' | 'find'>;
  /** Origin of the log. */
  readonly origin: string;
}

export interface Asked {
  readonly after: bigint;
  readonly topics: readonly EventTopic[];
  readonly limit: number;
  /**
   * The newest place when it was last looked. A reader that has come to the end is then behind it, whatever it passed
   * on the way, and may share what others read at this moment.
   */
  readonly newest?: bigint;
}

/** A page by place in the log. */
export interface Page {
  readonly events: readonly CloudEvent[];
  /** Everything up to this place has been looked at. */
  readonly position: bigint;
  /** False when it stopped for its size: there may be more at once. */
  readonly atEnd: boolean;
}

interface Slice {
  /** Of records that make events. */
  readonly projected: readonly (Projected & { readonly index: bigint })[];
  /** Place of the last record that was read. */
  readonly last: bigint | undefined;
  readonly full: boolean;
}

/** Read at once, so that others' events cost a bounded time. */
const sliceSize = 500;
/** Slices of one page: after that the caller comes again from the new position. */
const slicesOfPage = 8;

export type Reader = ReturnType<typeof createReader>;

/** What an institution may hear, read from the log in its order. */
export function createReader(dependencies: ReaderDependencies) {
  const { log, origin } = dependencies;
  const audiences = createAudiences(dependencies);
  const underWay = new Map<string, Promise<Slice>>();

  async function readSlice(topics: readonly EventTopic[], after: bigint, size: number): Promise<Slice> {
    const types = topics.flatMap((topic) => typesOfTopics[topic]);
    const entries = await log.scan({ types, after, limit: size });
    return {
      projected: entries.flatMap(({ index, text }) => {
        const projected = project(readRecord(text), index, origin);
        return projected === undefined ? [] : [{ ...projected, index }];
      }),
      last: entries.at(-1)?.index,
      full: entries.length === size,
    };
  }

  /** Those who follow mostly stand at the same place, and wake up together. */
  function sharedSlice(topics: readonly EventTopic[], after: bigint, size: number, newest: bigint): Promise<Slice> {
    const key = `${[...topics].sort().join()} ${after} ${size} ${newest}`;
    const present = underWay.get(key);
    if (present !== undefined) return present;
    const slice = readSlice(topics, after, size).finally(() => underWay.delete(key));
    underWay.set(key, slice);
    return slice;
  }

  return {
    async read(institution: string, { after, topics, limit, newest }: Asked): Promise<Page> {
      const events: CloudEvent[] = [];
      let position = after;
      for (let count = 0; count < slicesOfPage; count++) {
        const size = count === 0 ? Math.min(limit, sliceSize) : sliceSize;
        const slice =
          newest === undefined
            ? await readSlice(topics, position, size)
            : await sharedSlice(topics, position, size, newest);
        const hearing = await audiences.hearing(institution, slice.projected);
        for (const [at, { event, index }] of slice.projected.entries()) {
          if (hearing[at] !== true) continue;
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
     * A position as a caller writes it; the beginning when left out.
     *
     * @throws CodedError `event_position_invalid` for one that we cannot have given: to wait there would be to miss
     *   what comes before it
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
    /** The place of the newest record that events are made from; -1 where there is none. */
    newest: (): Promise<bigint> => log.newest(allTypes),
  };
}

const allTypes = eventTopics.flatMap((topic) => typesOfTopics[topic]);

function invalidPosition() {
  return eventErrors.error(
    'event_position_invalid',
    'A position is what an earlier answer gave as one. Leave it out to begin with the first event.',
  );
}

/** The log's own text: written by it and by nobody else. */
function readRecord(text: string): EvidenceRecord {
  return JSON.parse(text) as EvidenceRecord;
}
