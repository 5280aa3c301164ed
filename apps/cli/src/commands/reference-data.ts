import type { Command } from 'commander';
import { readBody } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { record } from '../directory-door.ts';

export function instrumentCommands(program: Command, options: () => ConnectionOptions): void {
  const instrument = program.command('instrument').description('reference data of instruments');
  recordCommand(
    instrument,
    options,
    'instruments',
    'Name a list of { "id": ISIN, UPI or DTI, "cfi": ..., "currency": ..., ... }.',
  );
}

export function rateCommands(program: Command, options: () => ConnectionOptions): void {
  const rate = program.command('rate').description('exchange rates into the base currency');
  recordCommand(
    rate,
    options,
    'rates',
    'Name a list of { "currency": ..., "base": ..., "rate": ..., "source": ..., "as_of": ... }.',
  );
}

function recordCommand(
  group: Command,
  options: () => ConnectionOptions,
  list: 'instruments' | 'rates',
  form: string,
): void {
  group
    .command('record <file>')
    .description('record it, as the reference data software (--client, --key): what loosens waits for a second person')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (path: string, { reason }: { reason: string }) => {
      const entries = readBody(path, form);
      await record(connect(options()), list, entries, reason);
    });
}
