import { type IdKind, idPrefixes } from '@countersign/kernel';
import { type TSchemaOptions, Type } from 'typebox';

// Schemas that the responses of all components share.

/** An id of ours, e.g. `mnd_01k9z3m8q4d6s0v2x5y7a9b1c3`. */
export function idSchema(kind: IdKind, options: TSchemaOptions = {}) {
  return Type.String({ pattern: `^${idPrefixes[kind]}_[0-9a-hjkmnp-tv-z]{26}$`, ...options });
}

/** RFC 3339, UTC. */
export function instantSchema(options: TSchemaOptions = {}) {
  return Type.String({ format: 'date-time', ...options });
}

/** SHA-256, base64url. */
export function digestSchema(options: TSchemaOptions = {}) {
  return Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', ...options });
}

/** Legal Entity Identifier (ISO 17442). */
export function leiSchema(options: TSchemaOptions = {}) {
  return Type.String({ pattern: '^[0-9A-Z]{20}$', ...options });
}

/** The record that was durable before the response was sent. */
export function recordSchema(options: TSchemaOptions = {}) {
  return idSchema('record', { description: 'The record that was durable before this was answered', ...options });
}

/** Makes a repeated request safe. */
export const idempotencyKeyHeader = Type.Object({
  'idempotency-key': Type.String({
    pattern: '^[\\x21-\\x7e]{1,128}$',
    description: 'The same key with the same body is the same request; with another body it is refused',
  }),
});
