import type { Json } from '@countersign/kernel';

/** What the seal of a row covers, as JSON: a member that is undefined is left out, as it is when the row is read back. */
export function rowContent(content: object): Json {
  return JSON.parse(JSON.stringify(content)) as Json;
}
