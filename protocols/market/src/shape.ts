import type { Static, TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import type { Parsed } from './parsed.ts';

/** One problem in untrusted input: a JSON pointer (RFC 6901), a stable code and a message. */
export interface Problem {
  readonly path: string;
  readonly problem: string;
  readonly detail: string;
}

/** Checks the text under a key, wherever the key occurs in a document. For a list, checks each item. */
export type FieldRules = Readonly<Record<string, (value: unknown) => Parsed<unknown, string>>>;

/**
 * Checks the schema, then the codes by `rules`, which justify the branded types. A key has the same meaning
 * everywhere. Compiled at first use.
 */
export function shapeOf<Schema extends TSchema>(schema: Schema, rules: FieldRules) {
  let compiled: Validator | undefined;
  const validator = (): Validator => {
    compiled ??= Compile(schema);
    return compiled;
  };
  const matches = (value: unknown): value is Static<Schema> => validator().Check(value);
  return {
    schema,
    check(
      value: unknown,
      path = '',
    ): { readonly ok: true; readonly value: Static<Schema> } | { readonly ok: false; readonly problem: Problem } {
      if (!matches(value)) return { ok: false, problem: firstShapeProblem(validator(), value, path, rules) };
      const problem = firstCodeProblem(value, path, rules);
      return problem === undefined ? { ok: true, value } : { ok: false, problem };
    },
  };
}

function firstShapeProblem(compiled: Validator, value: unknown, path: string, rules: FieldRules): Problem {
  const errors = compiled.Errors(value);
  // Report an unknown field first: it is usually a misspelling of a field that would be reported as missing.
  for (const error of errors) {
    if (error.keyword === 'additionalProperties') {
      const name = error.params.additionalProperties[0] ?? '';
      const shown = /^[\x21-\x7e]{1,64}$/.test(name) ? name : '';
      return {
        path: `${path}${error.instancePath}`,
        problem: 'field_unknown',
        detail: `There is no field here by the name "${shown}".`,
      };
    }
  }
  const [error] = errors;
  if (error === undefined)
    return { path, problem: 'field_malformed', detail: 'The value has another form than it should.' };
  if (error.keyword === 'required') {
    const name = error.params.requiredProperties[0] ?? '';
    return {
      path: `${path}${error.instancePath}/${name}`,
      problem: 'field_missing',
      detail: `The field ${name} is missing.`,
    };
  }
  const at = valueAt(value, error.instancePath);
  const known = typeof at.value === 'string' && Object.hasOwn(rules, at.key) ? rules[at.key]?.(at.value) : undefined;
  if (known?.ok === false) return { path: `${path}${error.instancePath}`, problem: known.code, detail: known.detail };
  return { path: `${path}${error.instancePath}`, problem: 'field_malformed', detail: `The value ${error.message}.` };
}

/** The value at a pointer, and the last key on the path that is a name rather than an index. */
function valueAt(root: unknown, pointer: string): { readonly key: string; readonly value: unknown } {
  let value = root;
  let key = '';
  for (const step of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return { key, value: undefined };
    if (!Array.isArray(value)) key = step;
    value = Object.getOwnPropertyDescriptor(value, step)?.value;
  }
  return { key, value };
}

/** Walks a document that matches its schema, so its depth and size are already bounded. */
function firstCodeProblem(value: unknown, path: string, rules: FieldRules, key = ''): Problem | undefined {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const problem = firstCodeProblem(item, `${path}/${index}`, rules, key);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined) continue;
      const problem = firstCodeProblem(member, `${path}/${name}`, rules, name);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  const checked = Object.hasOwn(rules, key) ? rules[key]?.(value) : undefined;
  return checked?.ok === false ? { path, problem: checked.code, detail: checked.detail } : undefined;
}
