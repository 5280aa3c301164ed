import type { MemberNote, RecordForm } from './record-form.ts';
import { RecordValue, type Value } from './value.ts';
import { counted, cursorAt, passed, type TextCursor, type TextReader } from './value-text.ts';

/** Up to this number of members, parsing is as fast as comparing. */
const fewMembers = 4;
/** Maximum number of remembered records for one type. They differ in their attributes, as do orders of several kinds. */
const maxKnown = 8;
/** A member that changes at least once in this many records counts as changing and is parsed in every record. */
const seldom = 256;
/** Gain of recognising a record and cost of learning one, in units of one parse. */
const worth = { known: 1, learned: -32, most: 2_048 };

/**
 * Parses records of one type whose members rarely change. It compares the unchanged text as a whole, in a tenth of the time of
 * parsing, and reuses the values. It learns from the input which members change. The result is always the same as without the
 * cache: a value is reused only if its text is identical.
 */
export function remembering(form: RecordForm): TextReader<RecordValue> {
  if (form.names.length < fewMembers) return (cursor) => form.read(cursor);
  const memory = new RecordMemory(form);
  return (cursor) => memory.read(cursor);
}

interface KnownRecord {
  readonly names: readonly string[];
  readonly values: readonly Value[];
  readonly text: string;
  readonly notes: readonly MemberNote[];
  /** The text between changing members. */
  readonly runs: readonly string[];
  /** For each changing member: its position among the values, and how it is read. */
  readonly changing: readonly number[];
  readonly readers: readonly TextReader[];
  /** Number of values in the runs, and one for each changing member. */
  readonly counts: number;
}

class RecordMemory {
  readonly #form: RecordForm;
  readonly #known: KnownRecord[] = [];
  /** How often each member changed, by position, and the members treated as changing, one bit for each. */
  readonly #changes: number[];
  #changing = 0;
  #read = 0;
  #credit = worth.most;

  constructor(form: RecordForm) {
    this.#form = form;
    this.#changes = form.names.map(() => 0);
  }

  read(cursor: TextCursor): RecordValue | undefined {
    const { at, values } = cursor;
    const known = this.#known;
    this.#read++;
    for (let place = 0; place < known.length; place++) {
      const one = known[place];
      const found = one === undefined ? undefined : readKnown(one, cursor);
      if (found !== undefined) {
        if (this.#credit < worth.most) this.#credit += worth.known;
        if (place > 0) known.unshift(...known.splice(place, 1));
        return found;
      }
      cursor.at = at;
      cursor.values = values;
    }
    const read = this.#form.read(cursor);
    if (read === undefined) return undefined;
    // If records do not recur, learning is not worth its cost.
    if (this.#credit + worth.learned < 0) this.#credit += worth.known;
    else {
      this.#credit += worth.learned;
      this.#learn(cursor.text.slice(at, cursor.at));
    }
    return read;
  }

  #learn(text: string): void {
    // // A copy, because a piece of a text keeps the whole text in memory.
    const copy = Buffer.from(text).toString();
    const notes: MemberNote[] = [];
    const read = this.#form.read(cursorAt(copy, 0), notes);
    if (read === undefined) return;
    const { names, values } = read;
    const known = this.#known;
    const place = known.findIndex((one) => one.names === names);
    const [before] = place === -1 ? [] : known.splice(place, 1);
    if (before !== undefined) this.#compare(before, { text: copy, notes });
    if (known.length >= maxKnown) known.pop();
    known.unshift({ names, values, text: copy, notes, ...this.#runsOf(copy, notes) });
  }

  /** Both have the same members. */
  #compare(before: KnownRecord, now: Pick<KnownRecord, 'text' | 'notes'>): void {
    for (const [position, { place, start, end }] of now.notes.entries()) {
      const was = before.notes[position];
      if (was === undefined || before.text.slice(was.start, was.end) === now.text.slice(start, end)) continue;
      const changes = (this.#changes[place] ?? 0) + 1;
      this.#changes[place] = changes;
      if (changes * seldom > this.#read) this.#changing |= 1 << place;
    }
  }

  #runsOf(text: string, notes: readonly MemberNote[]): Pick<KnownRecord, 'runs' | 'changing' | 'readers' | 'counts'> {
    const [runs, changing, readers]: [string[], number[], TextReader[]] = [[], [], []];
    let end = 0;
    let counts = 0;
    for (const [position, note] of notes.entries()) {
      const member = this.#form.members[note.place];
      const changes = member !== undefined && (this.#changing & (1 << note.place)) !== 0;
      counts += changes ? 1 : note.values;
      if (!changes) continue;
      const { opening = '', closing = '', readWithin = member.read } = member.quoted ?? {};
      runs.push(text.slice(end, note.start + opening.length));
      changing.push(position);
      readers.push(readWithin);
      end = note.end - closing.length;
    }
    runs.push(text.slice(end));
    return { runs, changing, readers, counts };
  }
}

function readKnown({ runs, changing, readers, names, values, counts }: KnownRecord, cursor: TextCursor) {
  if (!passed(cursor, runs[0] ?? '')) return undefined;
  const read = values.slice();
  for (let change = 0; change < changing.length; change++) {
    const value = readers[change]?.(cursor);
    if (value === undefined || !passed(cursor, runs[change + 1] ?? '')) return undefined;
    read[changing[change] ?? 0] = value;
  }
  return counted(cursor, counts) ? new RecordValue(names, read) : undefined;
}
