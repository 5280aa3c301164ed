import { Command, CommanderError } from 'commander';
import { changeCommands } from './commands/change.ts';
import { clientCommands } from './commands/client.ts';
import { directoryCommands } from './commands/directory.ts';
import { erasureCommands } from './commands/erasure.ts';
import { eventCommands } from './commands/event.ts';
import { evidenceCommands } from './commands/evidence.ts';
import { exceptionCommands } from './commands/exception.ts';
import { holdCommands } from './commands/hold.ts';
import { keyCommands } from './commands/key.ts';
import { logCommands } from './commands/log.ts';
import { mandateCommands } from './commands/mandate.ts';
import { openapiCommands } from './commands/openapi.ts';
import { partnerCommands } from './commands/partner.ts';
import { policyCommands } from './commands/policy.ts';
import { retentionCommands } from './commands/retention.ts';
import { runCommands } from './commands/run.ts';
import { transactionCommands } from './commands/transaction.ts';
import { witnessCommands } from './commands/witness.ts';
import type { ConnectionOptions } from './connection.ts';
import { exitCodes, reportFailure } from './output.ts';

const program = new Command('countersign')
  .description('The identity control plane for institutional markets.')
  .option(
    '--data <folder>',
    'data folder of a development control plane (address and operator key are read from it)',
    'data',
  )
  .option('--url <issuer>', 'address of a control plane, instead of --data')
  .option('--client <id>', 'client to act as', 'countersign-cli')
  .option('--key <file>', 'private JWK of that client; default: operator.jwk in the data folder')
  .enablePositionalOptions()
  .showHelpAfterError('Try: countersign --help')
  .exitOverride();

const connectionOptions = (): ConnectionOptions => program.opts<ConnectionOptions>();

runCommands(program);
directoryCommands(program, connectionOptions);
clientCommands(program, connectionOptions);
changeCommands(program, connectionOptions);
partnerCommands(program, connectionOptions);
mandateCommands(program, connectionOptions);
transactionCommands(program, connectionOptions);
exceptionCommands(program, connectionOptions);
eventCommands(program, connectionOptions);
policyCommands(program, connectionOptions);
keyCommands(program, connectionOptions);
logCommands(program, connectionOptions);
witnessCommands(program);
evidenceCommands(program, connectionOptions);
retentionCommands(program, connectionOptions);
holdCommands(program, connectionOptions);
erasureCommands(program, connectionOptions);
openapiCommands(program);

// A reader that has seen enough (`| head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  // Commander has said what was wrong with the words; its own code is 0 for --help.
  process.exitCode =
    error instanceof CommanderError ? (error.exitCode === 0 ? exitCodes.ok : exitCodes.usage) : reportFailure(error);
}
