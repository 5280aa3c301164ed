import { RecordValue, type Value } from './value.ts';
import { counted, type QuotedForm, type TextCursor, type TextReader } from './value-text.ts';

const codes = { comma: 0x2c, opening: 0x7b, closing: 0x7d };

export interface ValueForm {
  readonly read: TextReader;
  readonly quoted?: QuotedForm;
}

export interface MemberNote {
  readonly place: number;
  readonly start: number;
  readonly end: number;
  /** Number of values, itself included. */
  readonly values: number;
}

/** A type occurs with few combinations of attributes; beyond this number their lists are forgotten. */
const maxLists = 1_024;

export class RecordForm {
  /** One bit for each. */
  static readonly mostNames = 31;
  /** In canonical order, like everything that is by position. */
  readonly names: readonly string[];
  readonly members: readonly ValueForm[];
  readonly #keys: readonly string[];
  /** By the present names, one bit for each: records with the same attributes share their list of names. */
  readonly #lists = new Map<number, readonly string[]>();

  constructor(names: readonly string[], members: readonly ValueForm[]) {
    this.names = names;
    this.members = members;
    this.#keys = names.map((name) => `${JSON.stringify(name)}:`);
  }

  /** @param notes receives one entry for each member, in order */
  read(cursor: TextCursor, notes?: MemberNote[]): RecordValue | undefined {
    const keys = this.#keys;
    const { text } = cursor;
    if (text.charCodeAt(cursor.at) !== codes.opening) return undefined;
    cursor.at++;
    const values: Value[] = [];
    let present = 0;
    for (let place = 0; text.charCodeAt(cursor.at) !== codes.closing; place++) {
      if (present !== 0) {
        if (text.charCodeAt(cursor.at) !== codes.comma) return undefined;
        cursor.at++;
      }
      while (place < keys.length && !text.startsWith(keys[place] ?? '', cursor.at)) place++;
      const member = this.members[place];
      if (member === undefined) return undefined;
      cursor.at += keys[place]?.length ?? 0;
      const start = cursor.at;
      const before = cursor.values;
      const value = member.read(cursor);
      if (value === undefined || !counted(cursor, 1)) return undefined;
      values.push(value);
      present |= 1 << place;
      notes?.push({ place, start, end: cursor.at, values: cursor.values - before });
    }
    cursor.at++;
    return new RecordValue(this.#namesOf(present), values);
  }

  #namesOf(present: number): readonly string[] {
    let listed = this.#lists.get(present);
    if (listed === undefined) {
      listed = this.names.filter((_, place) => (present & (1 << place)) !== 0);
      if (this.#lists.size >= maxLists) this.#lists.clear();
      this.#lists.set(present, listed);
    }
    return listed;
  }
}
