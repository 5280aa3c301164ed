import { RecordValue, type Value } from './value.ts';
import { counted, type QuotedForm, type TextCursor, type TextReader } from './value-text.ts';

const codes = { comma: 0x2c, opening: 0x7b, closing: 0x7d };

/** How values of one type are read. */
export interface ValueForm {
  readonly read: TextReader;
  readonly quoted?: QuotedForm;
}

/** Where a member was read. */
export interface MemberNote {
  /** Among the names of the form. */
  readonly place: number;
  /** Of its value. */
  readonly start: number;
  readonly end: number;
  /** How many values it was, itself included. */
  readonly values: number;
}

/** Of any type only a few combinations of attributes are met; past it, their lists are forgotten and made again. */
const maxLists = 1_024;

/** How records of one type are written. */
export class RecordForm {
  /** A bit for each. */
  static readonly mostNames = 31;
  /** In canonical order, as all that is by place. */
  readonly names: readonly string[];
  readonly members: readonly ValueForm[];
  readonly #keys: readonly string[];
  /** By which are there, a bit for each: records with the same attributes share their list of names. */
  readonly #lists = new Map<number, readonly string[]>();

  constructor(names: readonly string[], members: readonly ValueForm[]) {
    this.names = names;
    this.members = members;
    this.#keys = names.map((name) => `${JSON.stringify(name)}:`);
  }

  /** @param notes of its members, in their order, are added to it */
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
