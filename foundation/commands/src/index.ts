/** Commands that change stored data. Each is recorded once, no matter how often it is repeated. Read command.ts, carry-out.ts, recorded-things.ts. */
export { Behind, onceSettled } from './behind.ts';
export { carryOut, carryOutAll, type Held, type Keeping, Refusal } from './carry-out.ts';
export type { Command, Commands, Given, Judged, RecordContent, Recorded, Steps } from './command.ts';
export { createCommands } from './commands.ts';
export {
  createLoggedCommands,
  type GivenLogged,
  type LoggedCommand,
  type LoggedCommands,
  type LoggedKind,
} from './logged.ts';
export {
  createRecordedThings,
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
