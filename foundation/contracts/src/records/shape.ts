import { defined, type idPrefixes } from '@countersign/kernel';
import { type Static, type TProperties, type TSchema, Type } from 'typebox';
import type { ProtectionKind, RecordDraft } from '../audit-log.ts';

// Building blocks for the schemas of records.

/** The data and the writers of one record type. */
export interface RecordDescription {
  /** What happened, in one sentence. */
  readonly about: string;
  readonly sources: readonly string[];
  readonly outcomes: readonly RecordDraft['outcome'][];
  /** Further required members, beside those that every record has. */
  readonly always?: readonly (keyof RecordDraft)[];
  /** Left out when the type has no data. */
  readonly data?: TSchema;
  /** Records of this type may have no data. */
  readonly dataOptional?: boolean;
  /** Version of the data's shape; 1 when left out. A change that would break a reader of the older shape increases it. */
  readonly version?: number;
}

export function closed<Members extends TProperties>(members: Members, description?: string) {
  return Type.Object(members, { additionalProperties: false, ...defined({ description }) });
}

/** Members that the writer copies unchanged from another source. */
export const open = (description: string) => Type.Object({}, { additionalProperties: true, description });

export const optional = Type.Optional;

/** A member that is a commitment in the leaf whenever its subject is known. */
export function restricted<Schema extends TSchema>(schema: Schema, kind: ProtectionKind = 'strategy') {
  return Type.Optional(Type.Unsafe<Static<Schema>>({ ...schema, 'x-protected': kind }));
}

export const text = (description?: string) => Type.String(defined({ description }));
export const texts = (description?: string) => Type.Array(Type.String(), defined({ description }));
export const enumOf = (values: readonly string[], description?: string) =>
  Type.Enum([...values], defined({ description }));
export const count = (description?: string) => Type.Integer({ minimum: 0, ...defined({ description }) });
export const version = (description?: string) => Type.Integer({ minimum: 1, ...defined({ description }) });
export const yes = Type.Literal(true);
export const flag = (description?: string) => Type.Boolean(defined({ description }));

const idBody = '[0-9a-hjkmnp-tv-z]{26}';

/** @param prefix one of {@link idPrefixes} */
export const id = (prefix: (typeof idPrefixes)[keyof typeof idPrefixes] | 'strm', description?: string) =>
  Type.String({ pattern: `^${prefix}_${idBody}$`, ...defined({ description }) });

export const digest = (description = 'SHA-256, base64url') =>
  Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description });
export const instant = (description?: string) => Type.String({ format: 'date-time', ...defined({ description }) });
export const lei = (description = 'LEI') => Type.String({ pattern: '^[A-Z0-9]{18}[0-9]{2}$', description });
/** An integer as text, because it may exceed the precision of a double. */
export const wholeNumber = (description?: string) =>
  Type.String({ pattern: '^(?:-1|0|[1-9][0-9]{0,19})$', ...defined({ description }) });
export const base64Url = (description?: string) =>
  Type.String({ pattern: '^[A-Za-z0-9_-]+$', ...defined({ description }) });
export const principal = (description = 'Principal id') => Type.String({ minLength: 1, description });
export const pair = (item: TSchema) => Type.Array(item, { minItems: 2, maxItems: 2 });
/** Members of a record that sets a standing (docs/adr/0057). */
export const carriedMembers = {
  thing: text('What stands: kind and id'),
  after: open('The thing as it stands from then on: what its row is held against'),
  previous: optional(id('rec', 'The record of the change before')),
};
export const reasonText = text('In the words of who did it');
export const jwk = open('Public key (RFC 7517)');
