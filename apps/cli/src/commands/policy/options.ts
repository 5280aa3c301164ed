import { parseInstant, visibleLine } from '@countersign/kernel';
import { type Command, InvalidArgumentError } from 'commander';

/** The `--json` option of a command, with a description of its output. */
export function jsonOption(what: string): ['--json', string] {
  return ['--json', `${what}, as JSON`];
}

export const candidateStatuses = ['proposed', 'approved', 'rejected', 'expired'] as const;

/** @throws InvalidArgumentError for an invalid date and time (RFC 3339) */
export function readTime(text: string): string {
  if (parseInstant(text) !== undefined) return text;
  throw new InvalidArgumentError('Write a date and time with its offset (RFC 3339), e.g. 2026-11-21T09:30:00Z.');
}

/** @throws InvalidArgumentError for an empty name, for example from an unset variable */
export function readFolder(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('Write the name of a folder.');
}

/** @throws InvalidArgumentError for an id that would change the path of the request, such as `..` */
export function readId(text: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(text)) return text;
  throw new InvalidArgumentError('Write an id, as it was printed.');
}

/** @throws InvalidArgumentError for an invalid version number */
export function readVersion(text: string): string {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return text;
  throw new InvalidArgumentError('Write its number, e.g. 2; `countersign policy versions` lists them.');
}

/** @throws InvalidArgumentError for an invalid ticket name */
export function readChangeRequest(text: string): string {
  if (/^[\x21-\x7e]{1,128}$/.test(text)) return text;
  throw new InvalidArgumentError('Write the name of a ticket in 1 to 128 characters without a space, e.g. CHG-1142.');
}

/** @throws InvalidArgumentError for a text that cannot be recorded as a reason */
export function readReason(text: string): string {
  if (visibleLine(text, 400) !== undefined) return text;
  throw new InvalidArgumentError('Write one line of 1 to 400 characters.');
}

/** Adds the ticket and the reason that are recorded with a policy change. */
export function withTicketAndReason(command: Command): Command {
  return command
    .requiredOption('--change-request <id>', 'the ticket under which this is done', readChangeRequest)
    .requiredOption('--reason <text>', 'why; it is recorded', readReason);
}

/** @throws InvalidArgumentError for an invalid digest */
export function readDigest(text: string): string {
  if (/^[A-Za-z0-9_-]{43}$/.test(text)) return text;
  throw new InvalidArgumentError('It has 43 characters: copy it from `countersign policy candidate`.');
}

/** @throws InvalidArgumentError for an invalid desk or institution */
export function readDesk(text: string): string {
  if (/^[A-Z0-9]{20}\/./.test(text)) return text;
  throw new InvalidArgumentError(
    'Write the LEI of its institution before it, e.g. 5493000ARRANGERDEM94/rates; nothing would be found.',
  );
}
