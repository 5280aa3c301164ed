import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';

/** What evidence can be asked for by, as flags. */
export interface QuestionFlags {
  readonly transaction?: string;
  readonly person?: string;
  readonly agent?: string;
  readonly client?: string;
  readonly mandate?: string;
  readonly partner?: string;
  readonly institution?: string;
  readonly decision?: string;
  readonly type?: string;
  readonly from?: string;
  readonly until?: string;
  readonly after?: string;
  readonly disclose?: string;
  readonly purpose?: string;
}

const names = [
  'transaction',
  'person',
  'agent',
  'client',
  'mandate',
  'partner',
  'institution',
  'decision',
  'type',
  'from',
  'until',
  'after',
  'disclose',
  'purpose',
] as const satisfies readonly (keyof QuestionFlags)[];

/** Gives a command the flags of a question. All that is named must hold. */
export function asksAbout(command: Command): Command {
  return command
    .option('--transaction <id>', 'of this transaction')
    .option('--person <id>', 'with this person as subject, actor or approver, e.g. person:anna.keller')
    .option('--agent <id>', 'with this agent or service, e.g. agent:vwap-1')
    .option('--client <id>', 'of this client')
    .option('--mandate <id>', 'under, or of, this mandate')
    .option('--partner <lei>', 'about this partner')
    .option('--institution <lei>', 'acted for this institution')
    .option('--decision <record>', 'this decision, and what rests on it')
    .option('--type <types>', 'of these types, with commas between, e.g. token.issued,token.refused')
    .option('--from <time>', 'from this moment on, e.g. 2026-11-21T09:00:00Z')
    .option('--until <time>', 'before this moment')
    .option('--after <place>', 'behind this place in the log')
    .option('--disclose <values>', 'protected values to be shown: * or JSON pointers with commas between')
    .option('--purpose <words>', 'what they are wanted for; it goes on record');
}

/** The question as the interface takes it. @throws CodedError `purpose_missing` */
export function questionOf(flags: QuestionFlags): Readonly<Record<string, string>> {
  if (flags.disclose !== undefined && flags.purpose === undefined)
    throw new CodedError({
      code: 'purpose_missing',
      category: 'invalid',
      detail: 'Say with --purpose what the protected values are wanted for; it goes on record.',
    });
  return Object.fromEntries(names.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])));
}

/** The scopes that the question needs beside that of the interface. */
export function scopesOf(flags: QuestionFlags, scope: string): string {
  return flags.disclose === undefined ? scope : `${scope} audit:disclose`;
}
