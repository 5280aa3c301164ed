import { setTimeout as pause } from 'node:timers/promises';
import { CodedError, isCodedError } from '@countersign/kernel';
import { refusalOf } from '@countersign/sdk/calling';
import type { Command } from 'commander';
import { request, type Schemas } from '../api.ts';
import { type Connection, type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, green, print, printBeside, yellow } from '../output.ts';
import { visible } from '../visible.ts';
import { type StreamedEvent, streamTransport } from './event/stream-transport.ts';

interface FollowFlags {
  readonly after?: string;
  readonly topics?: string;
  readonly limit?: string;
}

const afterOption = ['--after <position>', 'go on from a position that was printed'] as const;
const topicsOption = [
  '--topics <list>',
  'mandate, transaction, approval, exception, principal, with commas between them; all when left out',
] as const;

export function eventCommands(program: Command, options: () => ConnectionOptions): void {
  const event = program.command('event').description('events of the institution whose client key is used');
  event
    .command('read')
    .description('events in the order of the log, one JSON a line; the position to go on from on standard error')
    .option(...afterOption)
    .option(...topicsOption)
    .option('--limit <n>', 'at most so many (1 to 500)', '100')
    .action(async (query: { after?: string; topics?: string; limit: string }) => {
      const page = await request(connect(options()), 'GET /events', { scope: 'event:read', query });
      for (const each of page.events) print(JSON.stringify(each));
      printPosition(page.position);
    });
  event
    .command('follow')
    .description('events as they happen, one JSON a line, from now on or from a position, until it is interrupted')
    .option(...afterOption)
    .option(...topicsOption)
    .option('--limit <n>', 'end after so many')
    .action(async (flags: FollowFlags) => {
      const interrupted = new AbortController();
      const interrupt = (): void => interrupted.abort();
      process.once('SIGINT', interrupt);
      try {
        await follow(options(), flags, interrupted.signal);
      } finally {
        process.removeListener('SIGINT', interrupt);
      }
    });
  event
    .command('subscribe <url>')
    .description('have events sent to an address, signed, one at a time and in order; the same again changes nothing')
    .requiredOption('--topics <list>', topicsOption[1].replace('; all when left out', ''))
    .option('--after <position>', 'from where; from now on when left out')
    .action(async (url: string, { topics, after }: { topics: string; after?: string }) => {
      const body = { url, topics: topics.split(','), after };
      draw(await request(connect(options()), 'POST /events/subscriptions', { scope: 'event:subscribe', body }));
    });
  event
    .command('subscriptions')
    .description('where events are sent, how far each has come, and what the last failure was')
    .action(async () => {
      const { subscriptions } = await request(connect(options()), 'GET /events/subscriptions', {
        scope: 'event:subscribe',
      });
      for (const each of subscriptions) draw(each);
      if (subscriptions.length === 0) print(dim('none'));
    });
  event
    .command('unsubscribe <id>')
    .description('end a subscription')
    .action(async (id: string) => {
      const inputs = { scope: 'event:subscribe', params: { id } } as const;
      await request(connect(options()), 'DELETE /events/subscriptions/{id}', inputs);
      print(`${id}  ${bold('ended')}`);
    });
  event
    .command('resume <id>')
    .description('try a suspended subscription again, from where it was')
    .action(async (id: string) => {
      const inputs = { scope: 'event:subscribe', params: { id } } as const;
      draw(await request(connect(options()), 'POST /events/subscriptions/{id}/resume', inputs));
    });
}

const firstPauseMs = 500;
const longestPauseMs = 30_000;

/** A stream ends when its token expires; the next stream continues from the last position. */
async function follow(options: ConnectionOptions, flags: FollowFlags, interrupted: AbortSignal): Promise<void> {
  let position = flags.after;
  let left = flags.limit === undefined ? Number.POSITIVE_INFINITY : countOf(flags.limit);
  let hasReceived = false;
  const enough = new AbortController();
  const signal = AbortSignal.any([interrupted, enough.signal]);
  const onEvent = ({ data }: StreamedEvent): void => {
    if (left <= 0) return;
    print(JSON.stringify(JSON.parse(data)));
    left -= 1;
    if (left <= 0) enough.abort();
  };
  const onPosition = (id: string): void => {
    hasReceived = true;
    if (left > 0) position = id;
  };
  const connection = connect(options, streamTransport({ onEvent, onPosition, signal }));
  for (let wait = firstPauseMs; !signal.aborted; ) {
    const before = position;
    try {
      await followOnce(connection, { ...flags, ...(position === undefined ? {} : { after: position }) });
      wait = firstPauseMs;
    } catch (error) {
      // Before the first event the address may be wrong, so fail; afterwards the interruption is temporary.
      if (!isCodedError(error) || error.category !== 'unavailable' || !hasReceived) throw error;
      wait = position === before ? Math.min(wait * 2, longestPauseMs) : firstPauseMs;
    }
    await pause(wait, undefined, { signal }).catch(() => undefined);
  }
  if (position !== undefined) printPosition(position);
}

async function followOnce({ issuer, client, token }: Connection, { after, topics }: FollowFlags): Promise<void> {
  const query = new URLSearchParams({
    ...(after === undefined ? {} : { after }),
    ...(topics === undefined ? {} : { topics }),
  });
  const url = `${issuer}/events/stream?${query.toString()}`;
  const answer = await client.call(await token('events', 'event:read'), { method: 'GET', url });
  if (answer.status >= 400) throw refusalOf(answer);
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new CodedError({ code: 'limit_invalid', category: 'invalid', detail: '--limit is a whole number from 1 on.' });
}

function printPosition(position: string): void {
  printBeside(dim(`position ${position}: go on with --after`));
}

function draw({ id, url, topics, status, position, attempts, lastFailure }: Schemas['EventSubscription']): void {
  const how = status === 'active' ? green(status.padEnd(9)) : yellow(status);
  print(`${id}  ${bold(how)} ${visible(url)}  ${dim(`${topics.join(',')}  delivered up to ${position}`)}`);
  if (attempts > 0 && lastFailure !== undefined)
    print(yellow(`  attempt ${attempts} failed at ${lastFailure.at}: ${visible(lastFailure.detail)}`));
}
