import {
  canonicalize,
  type Digest,
  isCodedError,
  type Json,
  parseDigest,
  parseId,
  parseInstant,
  type RecordId,
} from '@countersign/kernel';

/** Reported as `record_malformed`; never leaves the package. */
export class RecordMalformed extends Error {
  override readonly name = 'RecordMalformed';
}

/** Reads members of an untrusted JSON object. Errors name the path. */
export class Members {
  readonly all: Readonly<Record<string, Json>>;
  readonly path: string;

  private constructor(all: Readonly<Record<string, Json>>, path: string) {
    this.all = all;
    this.path = path;
  }

  static of(value: Json | undefined, path: string): Members {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new RecordMalformed(`${path} is not an object`);
    // Own members only: `__proto__` must not reach Object.prototype.
    return new Members(Object.assign(Object.create(null), value), path);
  }

  has(name: string): boolean {
    return this.all[name] !== undefined;
  }

  value(name: string): Json {
    const value = this.all[name];
    if (value === undefined) throw new RecordMalformed(`${this.path}.${name} is absent`);
    return value;
  }

  text(name: string): string {
    const value = this.value(name);
    if (typeof value !== 'string') throw new RecordMalformed(`${this.path}.${name} is not text`);
    return value;
  }

  flag(name: string): boolean {
    const value = this.value(name);
    if (typeof value !== 'boolean') throw new RecordMalformed(`${this.path}.${name} is not true or false`);
    return value;
  }

  /** A safe integer from 0. */
  count(name: string): number {
    const value = this.value(name);
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw new RecordMalformed(`${this.path}.${name} is not a whole number`);
    return value;
  }

  /** Milliseconds since the epoch. */
  instant(name: string): number {
    const milliseconds = parseInstant(this.text(name));
    if (milliseconds === undefined) throw new RecordMalformed(`${this.path}.${name} is not an RFC 3339 time`);
    return milliseconds;
  }

  object(name: string): Members {
    return Members.of(this.value(name), `${this.path}.${name}`);
  }

  list(name: string): readonly Members[] {
    return this.items(name).map((item, position) => Members.of(item, `${this.path}.${name}[${position}]`));
  }

  texts(name: string): readonly string[] {
    return this.items(name).map((item, position) => {
      if (typeof item !== 'string') throw new RecordMalformed(`${this.path}.${name}[${position}] is not text`);
      return item;
    });
  }

  private items(name: string): readonly Json[] {
    const value = this.value(name);
    if (!Array.isArray(value)) throw new RecordMalformed(`${this.path}.${name} is not an array`);
    return value;
  }
}

export function readRecordId(members: Members, name: string): RecordId {
  const id = parseId('record', members.value(name));
  if (id === undefined) throw new RecordMalformed(`${members.path}.${name} is not a record id`);
  return id;
}

export function readDigest(members: Members, name: string): Digest {
  const digest = parseDigest(members.value(name));
  if (digest === undefined) throw new RecordMalformed(`${members.path}.${name} is not a SHA-256 digest`);
  return digest;
}

/** As much as the log's `bigint` column takes. */
export const placePattern = /^(?:0|[1-9]\d{0,18})$/;

/** From a number or decimal text. */
export function placeOf(json: Json): bigint | undefined {
  const text = String(json);
  return placePattern.test(text) ? BigInt(text) : undefined;
}

/** RFC 8785; undefined for a value without canonical form, e.g. with a lone surrogate. */
export function canonicalForm(value: Json): string | undefined {
  try {
    return canonicalize(value);
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}
