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

program.hook('preAction', async () => {
  const { ca } = connectionOptions();
  if (ca === undefined) return;
  const { trustAuthorities } = await import('./trust-authorities.ts');
  await trustAuthorities(ca);
});

const connectionOptions = (): ConnectionOptions => program.opts<ConnectionOptions>();

// When the reader closes the pipe (`| head`), the command ends without an error. A running server stops as on a signal.
let ending = false;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (process.listenerCount('SIGTERM') === 0 && !ending) process.exit(exitCodes.ok);
  if (!ending) process.kill(process.pid, 'SIGTERM');
  ending = true;
});

try {
  // Checked first, because loading the commands opens many files.
  requireOpenFiles();
  await addCommands(program, connectionOptions, process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  // Commander has already printed the problem. Its exit code is 0 for --help.
  process.exitCode =
    error instanceof CommanderError ? (error.exitCode === 0 ? exitCodes.ok : exitCodes.usage) : reportFailure(error);
}
