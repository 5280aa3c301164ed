import {
  type AuditLog,
  type CloudEvent,
  type EventPage,
  type EventTopic,
  type EvidenceRecord,
  eventErrors,
  eventTopics,
} from '@countersign/contracts';
import type { TransactionId } from '@countersign/kernel';
import { type Projected, positionText, project, typesOfTopics } from './projection.ts';

export interface ReaderDependencies {
  readonly log: Pick<AuditLog, 'scan' | 'newest'>;
  /** Origin of the log. */
  readonly origin: string;
  /** Who may know of a transaction. Waits for a step that is under way: its record is in the log before its parties are stored. */
  readonly partiesOf: (id: TransactionId) => Promise<readonly string[]>;
}

/** Read at once, so that others' events cost a bounded time. */
const sliceSize = 500;
/** Slices of one page: after that the caller comes again from the new position. */
const slicesOfPage = 8;

/** A page by place in the log. */
export interface Page {
  readonly events: readonly CloudEvent[];
  /** Everything up to this place has been looked at. */
  readonly position: bigint;
  /** False when it stopped for its size: there may be more at once. */
  readonly atEnd: boolean;
}

export type Reader = ReturnType<typeof createReader>;

/** What an institution may hear, read from the log in its order. */
export function createReader({ log, origin, partiesOf }: ReaderDependencies) {
  async function read(
    institution: string,
    asked: { readonly after: bigint; readonly topics: readonly EventTopic[]; readonly limit: number },
  ): Promise<Page> {
    const types = asked.topics.flatMap((topic) => typesOfTopics[topic]);
    const parties = new Map<TransactionId, Promise<readonly string[]>>();
    const events: CloudEvent[] = [];
    let position = asked.after;
    for (let slice = 0; slice < slicesOfPage; slice++) {
      const entries = await log.scan({ types, after: position, limit: sliceSize });
      // A party that a step brings in is known once that step is done: never from before its record was read.
      parties.clear();
      for (const { index, text } of entries) {
        const projected = project(readRecord(text), index, origin);
        if (projected !== undefined && (await mayHear(institution, projected, parties))) events.push(projected.event);
        position = index;
        if (events.length === asked.limit) return { events, position, atEnd: false };
      }
      if (entries.length < sliceSize) return { events, position, atEnd: true };
    }
    return { events, position, atEnd: false };
  }

  async function mayHear(
    institution: string,
    { audience }: Projected,
    parties: Map<TransactionId, Promise<readonly string[]>>,
  ): Promise<boolean> {
    if (audience.of === 'institutions') return audience.leis.includes(institution);
    let known = parties.get(audience.id);
    if (known === undefined) {
      known = partiesOf(audience.id);
      parties.set(audience.id, known);
    }
    return (await known).includes(institution);
  }

  return {
    read,
    /**
     * A position as a caller writes it.
     *
     * @throws CodedError `event_position_invalid` for one that we cannot have given: to wait there would be to miss
     *   what comes before it
     */
    async positionOf(text: string | undefined): Promise<bigint> {
      if (text === undefined) return -1n;
      if (!/^[0-9]{1,20}$/.test(text)) throw invalidPosition();
      const position = BigInt(text);
      // Pages of a log without events end at its first record.
      if (position === 0n) return position;
      if (position > 2n ** 63n - 1n) throw invalidPosition();
      const [entry] = await log.scan({ types: allTypes, after: position - 1n, limit: 1 });
      if (entry?.index !== position) throw invalidPosition();
      return position;
    },
    /** The place of the newest record that events are made from; -1 where there is none. */
    newest: (): Promise<bigint> => log.newest(allTypes),
    pageOf: ({ events, position }: Page): EventPage => ({ events, position: positionText(position) }),
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
