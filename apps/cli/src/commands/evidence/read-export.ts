import type { GraphRecord } from '@countersign/evidence';
import { CodedError, parseJson } from '@countersign/kernel';
import { isObject, refusalOf, type Token } from '@countersign/sdk/calling';
import type { Connection } from '../../connection.ts';
import { type QuestionFlags, questionOf, scopesOf } from './question.ts';

/** A page of this many records of maximum length fits into one answer. */
const pageSize = 100;
/** Renews a token with less remaining lifetime than this. */
const renewBeforeMs = 30_000;
/** A line holds one record with its disclosed values. */
const maxLineLength = 1_048_576;

/**
 * Reads all records that match a question, page by page. The control plane records each page before it releases it.
 *
 * @param limit maximum number of records
 * @throws CodedError of the interface; `export_malformed`
 */
export async function* readExport(
  { issuer, client, token }: Connection,
  flags: QuestionFlags,
  limit: number,
): AsyncGenerator<readonly GraphRecord[], void, undefined> {
  const scope = scopesOf(flags, 'audit:export');
  let held: Token = await token('evidence', scope);
  let question = questionOf(flags);
  for (let left = limit; left > 0; ) {
    if (held.expiresAt - Date.now() < renewBeforeMs) held = await token('evidence', scope);
    const parameters = new URLSearchParams({ ...question, format: 'jsonl', limit: String(Math.min(pageSize, left)) });
    const answer = await client.call(held, {
      method: 'GET',
      url: `${issuer}/evidence/export?${parameters.toString()}`,
      binary: true,
    });
    if (answer.status !== 200 || !Buffer.isBuffer(answer.body)) throw refusalOf(answer);
    const { records, next } = readLines(answer.body.toString());
    yield records;
    left -= records.length;
    if (next === undefined) return;
    question = { ...question, after: next };
  }
}

/** @throws CodedError `export_malformed` */
function readLines(text: string): { readonly records: readonly GraphRecord[]; readonly next?: string } {
  const records: GraphRecord[] = [];
  let next: string | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const parsed = parseJson(line, { maxLength: maxLineLength });
    if (!parsed.ok || !isObject(parsed.value) || next !== undefined) throw malformed();
    const { index, record, next: more } = parsed.value;
    if (typeof more === 'string' && index === undefined) next = more;
    else if (typeof index === 'string' && /^\d{1,19}$/.test(index) && isObject(record))
      records.push({ index: BigInt(index), record });
    else throw malformed();
  }
  return { records, ...(next === undefined ? {} : { next }) };
}

function malformed(): CodedError {
  return new CodedError({
    code: 'export_malformed',
    category: 'unavailable',
    detail: 'The answer of the control plane is not an export of records. Try again.',
  });
}
