import type { CallSchema, ValueSchema } from './value-schema.ts';

// The words in which scripts/write-call-schemas.mjs writes call-schemas.ts.

export const any: ValueSchema = {};
export const string: ValueSchema = { type: 'string' };
export const number: ValueSchema = { type: 'number' };
export const boolean: ValueSchema = { type: 'boolean' };
export const nothing: ValueSchema = { wire: 'undefined' };

export const ref = (name: string): ValueSchema => ({ $ref: `#/$defs/${name}` });
export const oneOf = (...values: readonly (string | number | boolean)[]): ValueSchema =>
  values.length === 1 && values[0] !== undefined ? { const: values[0] } : { enum: values };
export const anyOf = (...alternatives: readonly ValueSchema[]): ValueSchema => ({ anyOf: alternatives });
export const list = (items: ValueSchema): ValueSchema => ({ type: 'array', items });
export const record = (values: ValueSchema): ValueSchema => ({ type: 'object', additionalProperties: values });

/** An object with these members and no others. A name that ends in `?` is optional. */
export function object(members: Readonly<Record<string, ValueSchema>>): ValueSchema {
  const names = Object.keys(members);
  const required = names.filter((name) => !name.endsWith('?'));
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(members).map(([name, schema]) => [name.replace(/\?$/, ''), schema])),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

/** A list with exactly these items, of which all or at least `required` must be there. */
export const tuple = (items: readonly ValueSchema[], required = items.length): ValueSchema => ({
  type: 'array',
  ...(items.length === 0 ? {} : { prefixItems: items }),
  ...(required === 0 ? {} : { minItems: required }),
  items: false,
});

/** A call with its arguments, in the form of {@link tuple}, and its answer. */
export const call = (items: readonly ValueSchema[], answer: ValueSchema, required = items.length): CallSchema => ({
  arguments: tuple(items, required),
  answer,
});
