import type { RemoteContract, remoteCalls } from './calls.ts';

type JsonType = 'array' | 'boolean' | 'null' | 'number' | 'object' | 'string';

/**
 * What a value of a call is: the keywords of JSON Schema (draft 2020-12) that are used, and `wire` for what JSON does not have. Empty for
 * whatever JSON can say.
 */
export interface ValueSchema {
  /** `#/$defs/` and a name. */
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
  /** Of a `set` as well. */
  readonly items?: ValueSchema | false;
  readonly anyOf?: readonly ValueSchema[];
  /**
   * Undefined is written as null, where a list or an answer must have something; a bigint as decimal text, bytes as an object with
   * their `base64url`, a set as a list, a map as a list of pairs.
   */
  readonly wire?: 'undefined' | 'bigint' | 'bytes' | 'set' | 'map';
  /** Of a `map`. */
  readonly keys?: ValueSchema;
  readonly values?: ValueSchema;
}

export interface CallSchema {
  /** Of the list of arguments. */
  readonly arguments: ValueSchema;
  readonly answer: ValueSchema;
}

export type CallSchemas = {
  readonly [Name in RemoteContract]: { readonly [Method in keyof (typeof remoteCalls)[Name]]: CallSchema };
};
