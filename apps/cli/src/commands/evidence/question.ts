import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';

/** The search criteria for evidence, by the names of the interface; each is a flag. */
const filters = [
  ['transaction', '<id>', 'of this transaction'],
  ['person', '<id>', 'with this person as subject, actor or approver, e.g. person:anna.keller'],
  ['agent', '<id>', 'with this agent or service, e.g. agent:vwap-1'],
  ['client', '<id>', 'of this client'],
  ['mandate', '<id>', 'under, or of, this mandate'],
  ['partner', '<lei>', 'about this partner'],
  ['institution', '<lei>', 'acted for this institution'],
  ['decision', '<record>', 'this decision, and what rests on it'],
  ['type', '<types>', 'of these types, with commas between, e.g. token.issued,token.refused'],
  ['from', '<time>', 'from this moment on, e.g. 2026-11-21T09:00:00Z'],
  ['until', '<time>', 'before this moment'],
  ['after', '<place>', 'behind this place in the log'],
  ['disclose', '<values>', 'protected values to be shown: * or JSON pointers with commas between'],
  ['purpose', '<words>', 'what they are wanted for; it goes on record'],
] as const;

export type QuestionFlags = { readonly [Name in (typeof filters)[number][0]]?: string };

/** Adds the flags of a question to a command. All given criteria must match. */
export function asksAbout(command: Command): Command {
  for (const [name, argument, description] of filters) command.option(`--${name} ${argument}`, description);
  return command;
}

/** The question in the interface's format. @throws CodedError `purpose_missing` */
export function questionOf(flags: QuestionFlags): QuestionFlags {
  if (flags.disclose !== undefined && flags.purpose === undefined)
    throw new CodedError({
      code: 'purpose_missing',
      category: 'invalid',
      detail: 'Give the purpose of the disclosure with --purpose. It is recorded.',
    });
  return Object.fromEntries(filters.flatMap(([name]) => (flags[name] === undefined ? [] : [[name, flags[name]]])));
}

/** The additional scopes that the question needs. */
export function scopesOf<Scope extends string>(flags: QuestionFlags, scope: Scope): Scope | `${Scope} audit:disclose` {
  return flags.disclose === undefined ? scope : `${scope} audit:disclose`;
}
