import { type GraphRecord, recordLine } from '@countersign/evidence';
import { isObject } from '@countersign/sdk/calling';
import type { Command } from 'commander';
import { request } from '../../api.ts';
import { type ConnectionOptions, connect } from '../../connection.ts';
import { bold, dim, print, red } from '../../output.ts';
import { visible } from '../../visible.ts';
import { asksAbout, type QuestionFlags, questionOf, scopesOf } from './question.ts';

export function searchCommand(evidence: Command, options: () => ConnectionOptions): void {
  asksAbout(evidence.command('search').description('find records by what they are about, and print them, oldest first'))
    .option('--limit <n>', 'at most so many (1 to 1000)', '100')
    .option('--json', 'one JSON a line', false)
    .action(async (flags: QuestionFlags & { limit: string; json: boolean }) => {
      const { records, next } = await request(connect(options()), 'GET /evidence/records', {
        scope: scopesOf(flags, 'audit:read'),
        query: { ...questionOf(flags), limit: flags.limit },
      });
      for (const { index, record } of records) {
        const entry = { index: BigInt(index), record };
        if (flags.json) process.stdout.write(recordLine(entry));
        else print(describeRecord(entry));
      }
      if (next !== undefined && !flags.json) print(dim(`more: --after ${next}`));
    });
}

/** One record in one readable line. */
function describeRecord({ index, record }: GraphRecord): string {
  const members = isObject(record) ? record : {};
  const text = (value: unknown) => (typeof value === 'string' ? visible(value) : '');
  const { subject, actors } = members;
  const who = [
    isObject(subject) ? text(subject['id']) : '',
    ...(Array.isArray(actors) ? actors.map((actor) => (isObject(actor) ? `via ${text(actor['id'])}` : '')) : []),
    members['client'] === undefined ? '' : `client ${text(members['client'])}`,
  ].filter((part) => part !== '');
  const denied = members['outcome'] === 'deny';
  const what = `${text(members['type'])}${denied ? ` ${text(members['reason'])}` : ''}`;
  return [
    dim(`#${index}`),
    dim(text(members['time'])),
    denied ? red(what) : bold(what),
    who.join(' '),
    dim(text(members['transaction'])),
    dim(text(members['id'])),
  ]
    .filter((part) => part !== '')
    .join('  ');
}
