import { readFileSync } from 'node:fs';
import { CodedError, parseJson } from '@countersign/kernel';

/** Reads a JSON file. @throws CodedError `file_unreadable` with the advice given */
export function readJson(path: string, advice: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw unreadable(path, cause instanceof Error ? cause.message : 'fault', advice, cause);
  }
  const parsed = parseJson(text, { maxLength: maxJsonLength });
  if (!parsed.ok) throw unreadable(path, parsed.problem, advice);
  return parsed.value;
}

/** Larger than any directory file, and than all versions of a mandate. */
const maxJsonLength = 64 * 1_048_576;

function unreadable(path: string, problem: string, advice: string, cause?: unknown): CodedError {
  return new CodedError({
    code: 'file_unreadable',
    category: 'invalid',
    detail: `${path} cannot be read as JSON (${problem}). ${advice}`,
    ...(cause === undefined ? {} : { cause }),
  });
}
