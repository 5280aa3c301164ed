import type { Command } from 'commander';
import { type ConnectionOptions, connect, readJson } from '../connection.ts';
import { type ChangeRequest, call, printChanged, printProposed } from '../directory-door.ts';

export function findingCommands(program: Command, options: () => ConnectionOptions): void {
  const finding = program.command('finding').description('what compliance has found of institutions');
  finding
    .command('record <file>')
    .description('record it: what is better than before waits for a second person (another --client, --key)')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (path: string, { reason }: { reason: string }) => {
      const findings = readJson(path, 'Name a list of { "institution": LEI, "compliance": { ... } or null }.');
      const answer = await call(connect(options()), 'POST', 'findings', 'compliance:record', { findings, reason });
      if (isRequest(answer)) printProposed(answer);
      else printChanged(answer, 'recorded');
    });
}

function isRequest(answer: unknown): answer is ChangeRequest {
  return typeof answer === 'object' && answer !== null && 'digest' in answer;
}
