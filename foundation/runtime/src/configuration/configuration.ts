import { readFileSync } from 'node:fs';
import { CodedError } from '@countersign/kernel';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

/**
 * Validates a configuration against its schema, reports all problems at once, and freezes it.
 *
 * @param schema should refuse unknown keys (`additionalProperties: false`), because a misspelt setting would be silently ignored
 * @throws CodedError `configuration_invalid`; it never repeats values, which may be secrets
 */
export function parseConfiguration<Schema extends TSchema>(schema: Schema, input: unknown): Readonly<Static<Schema>> {
  const validator = Compile(schema);
  // Checked against the schema.
  if (validator.Check(input)) return deepFreeze(structuredClone(input) as Static<Schema> & object);
  const problems = [...validator.Errors(input)].map(
    (error) => `${error.instancePath === '' ? '(root)' : error.instancePath}: ${error.message}`,
  );
  throw new CodedError({
    code: 'configuration_invalid',
    category: 'invalid',
    detail: `The configuration has ${problems.length} problem(s): ${[...new Set(problems)].slice(0, 20).join('; ')}`,
  });
}

/** Reads a secret from a reference in the configuration: `file:/path` or `env:NAME`. */
export function readSecret(reference: string): string {
  const [scheme, ...rest] = reference.split(':');
  const name = rest.join(':');
  try {
    if (scheme === 'file') return readFileSync(name, 'utf8').trim();
    const value = scheme === 'env' ? process.env[name] : undefined;
    if (value !== undefined && value !== '') return value;
  } catch (cause) {
    throw secretError(reference, cause);
  }
  throw secretError(reference);
}

function secretError(reference: string, cause?: unknown): CodedError {
  return new CodedError({
    code: 'secret_unavailable',
    category: 'invalid',
    detail: `The secret referenced as ${reference.slice(0, 120)} cannot be read; use file:/path or env:NAME.`,
    cause,
  });
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) deepFreeze(member);
  return Object.freeze(value);
}
