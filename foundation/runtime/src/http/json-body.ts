import { isUtf8 } from 'node:buffer';
import { CodedError, type Json, parseJson } from '@countersign/kernel';
import type { FastifyRequest } from 'fastify';

type Done = (error: Error | null, body?: Json) => void;

/** Parses a JSON body with `parseJson`. Refuses bytes that are not UTF-8, because two parsers could decode them differently. */
export function parseJsonBody(body: Buffer, options?: Parameters<typeof parseJson>[1]): ReturnType<typeof parseJson> {
  return isUtf8(body) ? parseJson(body.toString(), options) : { ok: false, problem: 'it is not UTF-8' };
}

/**
 * Fastify's JSON parser: accepts what {@link parseJsonBody} accepts (RFC 8259 sections 4 and 8.1), without members that could
 * cause prototype pollution.
 */
export function readJsonBody(_request: FastifyRequest, body: Buffer, done: Done): void {
  const read = jsonIn(body);
  if (read instanceof CodedError) done(read);
  else done(null, read.value);
}

function jsonIn(body: Buffer): { readonly value: Json } | CodedError {
  if (body.length === 0) return refused('body_missing', 'The body is empty; send JSON.');
  // The server has already enforced the route's size limit.
  const read = parseJsonBody(body, { maxLength: body.length });
  if (!read.ok) return refused('body_not_json', `The body is not acceptable JSON: ${read.problem}.`);
  if (suspicious.some((text) => body.includes(text)) && inherits(read.value))
    return refused(
      'body_not_json',
      'The body is not acceptable JSON: it holds a member named __proto__ or constructor.',
    );
  return { value: read.value };
}

/** Only a body that contains one of these names, or an escape that could spell one, needs the full check. */
const suspicious = ['__proto__', 'constructor', '\\u'];

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
