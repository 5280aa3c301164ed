import { CodedError } from '@countersign/kernel';
import { visibleLines } from './visible.ts';

/** Colours where a person reads along, none in pipes, files, or where NO_COLOR is set (no-color.org). */
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

/** Prints a line beside what the command answers, on stderr. */
export function printBeside(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** What a program reads: one document, and nothing else on stdout beside it. */
export function printJson(document: unknown): void {
  print(JSON.stringify(document, undefined, 2));
}

/** Exit codes of the command, after sysexits(3) where it has one. */
export const exitCodes = {
  ok: 0,
  refused: 1,
  usage: 64,
  unverified: 2,
  unanchored: 3,
  /** Nothing is wrong, and not everything could be asked. */
  incomplete: 4,
  unavailable: 69,
  fault: 70,
} as const;

/** Says what failed and what to do, and gives the exit code. A fault of ours shows its stack: it is for a bug report. */
export function reportFailure(error: unknown): number {
  if (error instanceof CodedError) {
    // Both may quote what others have written: a policy, a name of a file.
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
