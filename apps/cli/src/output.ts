import { CodedError } from '@countersign/kernel';
import { visibleLines } from './visible.ts';

/** Colours only on a terminal; none in pipes, files, or if NO_COLOR is set (no-color.org). */
const colour = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
const paint =
  (code: number) =>
  (text: string): string =>
    colour ? `\u001b[${code}m${text}\u001b[0m` : text;

export const green = paint(32);
export const red = paint(31);
export const yellow = paint(33);
export const dim = paint(2);
export const bold = paint(1);

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Prints a line on stderr, separate from the command's result. */
export function printBeside(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Output for programs: one document, and nothing else on stdout. */
export function printJson(document: unknown): void {
  print(JSON.stringify(document, undefined, 2));
}

/** Exit codes, from sysexits(3) where it defines one. */
export const exitCodes = {
  ok: 0,
  refused: 1,
  usage: 64,
  unverified: 2,
  unanchored: 3,
  /** No fault was found, but not everything could be checked. */
  incomplete: 4,
  unavailable: 69,
  fault: 70,
} as const;

/** Prints what failed and what to do, and returns the exit code. An internal error shows its stack for a bug report. */
export function reportFailure(error: unknown): number {
  if (error instanceof CodedError) {
    // Both may contain untrusted text, such as a policy or a file name.
    process.stderr.write(`${red(error.code)}  ${visibleLines(error.detail)}\n`);
    if (error.facts !== undefined)
      process.stderr.write(`${dim(visibleLines(JSON.stringify(error.facts, undefined, 2)))}\n`);
    return error.category === 'unavailable' ? exitCodes.unavailable : exitCodes.refused;
  }
  process.stderr.write(
    `${red('internal_error')}  ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return exitCodes.fault;
}

/** One line that is rewritten in place on a terminal; in a pipe only the last one appears. */
export function progressLine(): { update(text: string): void; end(text: string): void } {
  const live = process.stderr.isTTY === true;
  return {
    update(text) {
      if (live) process.stderr.write(`\r\u001b[2K${dim(text)}`);
    },
    end(text) {
      process.stderr.write(live ? `\r\u001b[2K${text}\n` : `${text}\n`);
    },
  };
}
