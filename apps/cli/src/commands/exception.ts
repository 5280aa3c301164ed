import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { request, type Schemas } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, green, print, red, yellow } from '../output.ts';
import { visible } from '../visible.ts';

interface ListFlags {
  readonly transaction?: string;
  readonly status?: string;
  readonly own: boolean;
  readonly overdue: boolean;
  readonly scope: string;
}

export function exceptionCommands(program: Command, options: () => ConnectionOptions): void {
  const exception = program
    .command('exception')
    .description('transactions that stopped and need a person to resolve them');
  exception
    .command('list')
    .description('exceptions of transactions this institution is a party to, oldest first')
    .option('--transaction <id>', 'only of this transaction')
    .option('--status <status>', 'open or resolved')
    .option('--own', 'only those that this institution has to resolve', false)
    .option('--overdue', 'only overdue ones', false)
    .option('--scope <scope>', 'what the token is for: exception:read or settlement:read', 'exception:read')
    .action(async ({ transaction, status, own, overdue, scope }: ListFlags) => {
      const { exceptions } = await request(connect(options()), 'GET /transactions/exceptions', {
        scope,
        query: { transaction, status, own: own || undefined, overdue: overdue || undefined },
      });
      for (const each of exceptions) draw(each);
      if (exceptions.length === 0) print(dim('none'));
    });
  exception
    .command('resolve <id>')
    .description('explain how: a person who has signed in resolves it, and this command acts as a client')
    .allowExcessArguments()
    .allowUnknownOption()
    .action((id: string) => {
      throw new CodedError({
        code: 'person_token_required',
        category: 'forbidden',
        detail:
          'Only a person who has signed in can resolve an exception, and this command acts as a client. Send ' +
          `POST /transactions/exceptions/${id}/resolution with a token of that person and the scope exception:resolve ` +
          '(docs/guides/transactions.md, Exceptions).',
      });
    });
}

function draw(exception: Schemas['TransactionException']): void {
  const { id, cause, transaction, event, reason, detail, status, owner, dueAt, overdue, resolution } = exception;
  const how = status === 'resolved' ? green(status) : overdue ? red('overdue ') : yellow('open    ');
  print(`${id}  ${bold(how)} ${cause.padEnd(15)} ${transaction}  ${event}  ${dim(visible(reason))}`);
  print(`  ${visible(detail)}`);
  print(
    dim(
      resolution === undefined
        ? `  ${owner} has to deal with it until ${dueAt}`
        : `  ${resolution.kind} by ${visible(resolution.by ?? owner)} at ${resolution.at}`,
    ),
  );
}
