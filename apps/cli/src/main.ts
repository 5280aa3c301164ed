import { Command, CommanderError } from 'commander';
import { addCommands } from './commands.ts';
import { type ConnectionOptions, withConnectionOptions } from './connection-options.ts';
import { requireOpenFiles } from './open-files.ts';
import { exitCodes, reportFailure } from './output.ts';

const program = withConnectionOptions(new Command('countersign'))
  .description('The identity control plane for institutional markets.')
  .enablePositionalOptions()
  .showHelpAfterError('Try: countersign --help')
  .exitOverride();

const connectionOptions = (): ConnectionOptions => program.opts<ConnectionOptions>();

// A reader that has seen enough (`| head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  throw error;
});

try {
  // Before the commands are loaded, from more files than that.
  requireOpenFiles();
  await addCommands(program, connectionOptions, process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  // Commander has said what was wrong with the words; its own code is 0 for --help.
  process.exitCode =
    error instanceof CommanderError ? (error.exitCode === 0 ? exitCodes.ok : exitCodes.usage) : reportFailure(error);
}
