/** A list of arguments as JSON: of our processes alone, so it is never taken for what a client sends. */
export const callMediaType = 'application/vnd.countersign.call+json';
/** Several calls of one method: a list of arguments a line. Answers come back as lines, each when it is there. */
export const callsMediaType = 'application/vnd.countersign.calls+jsonl';
/** Calls that one request may have. */
export const mostTogether = 64;

export function callPath({ contract, method }: { readonly contract: string; readonly method: string }): string {
  return `/calls/${contract}/${method}`;
}

/** Undefined for any other path. */
export function readCallPath(path: string): { readonly contract: string; readonly method: string } | undefined {
  const [, contract, method] = /^\/calls\/([a-z-]{1,64})\/([A-Za-z]{1,64})$/.exec(path) ?? [];
  return contract === undefined || method === undefined ? undefined : { contract, method };
}

/** The answer to one of several calls. */
export interface AnswerLine {
  /** Of the call among the lines of the request, from 0. */
  readonly place: number;
  /** As HTTP has it. */
  readonly status: number;
  /** JSON, which has no line break; empty for no answer. */
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
