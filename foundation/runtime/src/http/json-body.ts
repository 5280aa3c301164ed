import { isUtf8 } from 'node:buffer';
import { CodedError, type Json, parseJson } from '@countersign/kernel';
import type { FastifyRequest } from 'fastify';

type Done = (error: Error | null, body?: Json) => void;

/**
 * A body of JSON, for Fastify. Refused is what two readers read differently (RFC 8259 section 4, RFC 8725 section 2.4): bytes that
 * are not UTF-8, the same member twice in one object; and members that would change what an object inherits. Nesting is
 * bounded, the length by the limit of the route.
 */
export function readJsonBody(_request: FastifyRequest, body: Buffer, done: Done): void {
  const read = jsonIn(body);
  if (read instanceof CodedError) done(read);
  else done(null, read.value);
}

function jsonIn(body: Buffer): { readonly value: Json } | CodedError {
  if (body.length === 0) return refused('body_missing', 'The body is empty; send JSON.');
  if (!isUtf8(body)) return refused('body_not_json', 'The body is not UTF-8.');
  const text = body.toString();
  const read = parseJson(text, { maxLength: text.length });
  if (!read.ok) return refused('body_not_json', `The body is not acceptable JSON: ${read.problem}.`);
  // Only a text that holds one of these, or spells it with escapes, is looked through.
  if (/__proto__|constructor|\\u/.test(text) && inherits(read.value))
    return refused(
      'body_not_json',
      'The body is not acceptable JSON: it holds a member named __proto__ or constructor.',
    );
  return { value: read.value };
}

function inherits(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(inherits);
  return Object.entries(value).some(
    ([name, member]) =>
      name === '__proto__' ||
      (name === 'constructor' && typeof member === 'object' && member !== null && Object.hasOwn(member, 'prototype')) ||
      inherits(member),
  );
}

function refused(code: string, detail: string): CodedError {
  return new CodedError({ code, category: 'invalid', detail });
}
