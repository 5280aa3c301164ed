/** Media type of an argument list as JSON. Only our processes use it, so a client's request is never mistaken for a call. */
export const callMediaType = 'application/vnd.countersign.call+json';
/** Several calls of one method: one argument list on each line. Responses are also lines, each sent when it is ready. */
export const callsMediaType = 'application/vnd.countersign.calls+jsonl';
export const maxBatched = 64;

export function callPath({ contract, method }: { readonly contract: string; readonly method: string }): string {
  return `/calls/${contract}/${method}`;
}

/** Undefined for any other path. */
export function readCallPath(path: string): { readonly contract: string; readonly method: string } | undefined {
  const [, contract, method] = /^\/calls\/([a-z-]{1,64})\/([A-Za-z]{1,64})$/.exec(path) ?? [];
  return contract === undefined || method === undefined ? undefined : { contract, method };
}

export interface AnswerLine {
  /** Index of the call among the lines of the request, from 0. */
  readonly place: number;
  readonly status: number;
  /** JSON without line breaks; empty when there is no return value. */
  readonly text: string;
}

export function writeAnswerLine({ place, status, text }: AnswerLine): string {
  return `${place} ${status} ${text}\n`;
}

/** Undefined for anything else. */
export function readAnswerLine(line: string): AnswerLine | undefined {
  const [head = '', place, status] = /^(\d{1,3}) (\d{3}) /.exec(line) ?? [];
  return head === '' ? undefined : { place: Number(place), status: Number(status), text: line.slice(head.length) };
}
