import type { RemoteContract, remoteCalls } from './calls.ts';

type JsonType = 'array' | 'boolean' | 'null' | 'number' | 'object' | 'string';

/**
 * Schema of a value in a call: a subset of JSON Schema (draft 2020-12), with `wire` for values that JSON cannot express. An empty
 * schema permits any JSON value.
 */
export interface ValueSchema {
  /** `#/$defs/` followed by a name. */
  readonly $ref?: string;
  readonly type?: JsonType | readonly JsonType[];
  readonly const?: string | number | boolean;
  readonly enum?: readonly (string | number | boolean)[];
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: ValueSchema | false;
  readonly prefixItems?: readonly ValueSchema[];
  readonly minItems?: number;
  /** Also for a `set`. */
  readonly items?: ValueSchema | false;
  readonly anyOf?: readonly ValueSchema[];
  /**
   * Encoding of values that JSON cannot express: undefined as null (where a list or response needs a value), a bigint as decimal
   * text, bytes as an object with `base64url`, a set as a list, a map as a list of pairs.
   */
  readonly wire?: 'undefined' | 'bigint' | 'bytes' | 'set' | 'map';
  /** For a `map`. */
  readonly keys?: ValueSchema;
  readonly values?: ValueSchema;
}

export interface CallSchema {
  readonly arguments: ValueSchema;
  readonly answer: ValueSchema;
}

export type CallSchemas = {
  readonly [Name in RemoteContract]: { readonly [Method in keyof (typeof remoteCalls)[Name]]: CallSchema };
};
