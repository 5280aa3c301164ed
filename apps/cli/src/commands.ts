import { Command } from 'commander';
import { type ConnectionOptions, withConnectionOptions } from './connection-options.ts';

type AddTo = (program: Command, options: () => ConnectionOptions) => void;

/** The module of each command, in the order of the help. */
const commands: Readonly<Record<string, () => Promise<AddTo>>> = {
  start: async () => (await import('./commands/run.ts')).startCommand,
  migrate: async () => (await import('./commands/migrate.ts')).migrateCommand,
  processes: async () => (await import('./commands/processes.ts')).processesCommands,
  demo: async () => (await import('./commands/run.ts')).demoCommand,
  directory: async () => (await import('./commands/directory.ts')).directoryCommands,
  client: async () => (await import('./commands/client.ts')).clientCommands,
  device: async () => (await import('./commands/device.ts')).deviceCommands,
  authenticator: async () => (await import('./commands/authenticator.ts')).authenticatorCommands,
  account: async () => (await import('./commands/account.ts')).accountCommands,
  session: async () => (await import('./commands/session.ts')).sessionCommands,
  recovery: async () => (await import('./commands/recovery.ts')).recoveryCommands,
  incident: async () => (await import('./commands/incident.ts')).incidentCommands,
  revocation: async () => (await import('./commands/revocation.ts')).revocationCommands,
  change: async () => (await import('./commands/change.ts')).changeCommands,
  finding: async () => (await import('./commands/finding.ts')).findingCommands,
  instrument: async () => (await import('./commands/reference-data.ts')).instrumentCommands,
  rate: async () => (await import('./commands/reference-data.ts')).rateCommands,
  partner: async () => (await import('./commands/partner.ts')).partnerCommands,
  mandate: async () => (await import('./commands/mandate.ts')).mandateCommands,
  transaction: async () => (await import('./commands/transaction.ts')).transactionCommands,
  approve: async () => (await import('./commands/approve.ts')).approveCommand,
  exception: async () => (await import('./commands/exception.ts')).exceptionCommands,
  event: async () => (await import('./commands/event.ts')).eventCommands,
  policy: async () => (await import('./commands/policy.ts')).policyCommands,
  model: async () => (await import('./commands/model.ts')).modelCommands,
  pki: async () => (await import('./commands/pki.ts')).pkiCommands,
  card: async () => (await import('./commands/card.ts')).cardCommands,
  halt: async () => (await import('./commands/halt.ts')).haltCommands,
  workload: async () => (await import('./commands/workload.ts')).workloadCommands,
  secrets: async () => (await import('./commands/secrets.ts')).secretsCommands,
  key: async () => (await import('./commands/key.ts')).keyCommands,
  log: async () => (await import('./commands/log.ts')).logCommands,
  witness: async () => (await import('./commands/witness.ts')).witnessCommands,
  evidence: async () => (await import('./commands/evidence.ts')).evidenceCommands,
  retention: async () => (await import('./commands/retention.ts')).retentionCommands,
  hold: async () => (await import('./commands/hold.ts')).holdCommands,
  erasure: async () => (await import('./commands/erasure.ts')).erasureCommands,
  openapi: async () => (await import('./commands/openapi.ts')).openapiCommands,
};

/**
 * Loads and adds only the requested command. Without a command, or with an unknown one, it adds all, so that help lists them
 * and a misspelt name gets a suggestion.
 *
 * @param words the arguments without the program
 */
export async function addCommands(
  program: Command,
  options: () => ConnectionOptions,
  words: readonly string[],
): Promise<void> {
  const asked = askedFor(words);
  const named = asked !== undefined && Object.hasOwn(commands, asked) ? commands[asked] : undefined;
  for (const load of named === undefined ? Object.values(commands) : [named]) (await load())(program, options);
}

/** The command name: the first word that is not an option. Undefined also after a mistyped option, which Commander reports. */
function askedFor(words: readonly string[]): string | undefined {
  const reader = withConnectionOptions(new Command())
    .passThroughOptions()
    .configureOutput({ writeErr: () => undefined, outputError: () => undefined })
    .exitOverride();
  try {
    return reader.parseOptions([...words]).operands[0];
  } catch {
    return undefined;
  }
}
