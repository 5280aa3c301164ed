/** Commands that change what is kept: recorded once, whoever repeats them. Read command.ts, then recorded-things.ts. */
export type { Command, Commands, Given, Saying } from './command.ts';
export { createCommands } from './commands.ts';
export {
  createLoggedCommands,
  type GivenLogged,
  type LoggedCommand,
  type LoggedCommands,
  type LoggedKind,
} from './logged.ts';
export {
  Behind,
  createRecordedThings,
  onceSettled,
  type ProvenKind,
  type RecordedKind,
  type RecordedThings,
  thingOf,
} from './recorded-things.ts';
export {
  createSecondPerson,
  type DualControl,
  type SecondOfTwo,
  type SecondPerson,
  type SecondPersonDependencies,
  statusAt,
  type WaitingProposal,
} from './second-person.ts';
