import { CodedError, isCodedError } from '@countersign/kernel';
import { decodeEntryBundle, entryBundlePath, Frontier, hashLeaf, parseVerifierKey } from '@countersign/merkle-log';
import { noAnswer, refusalOf, type Token } from '@countersign/sdk/calling';
import type { Command } from 'commander';
import { request } from '../api.ts';
import { type Connection, type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, exitCodes, green, print, progressLine, red, yellow } from '../output.ts';
import { readAddress } from '../read-address.ts';
import { type KnownLog, knownLog } from './log/checkpoint-reader.ts';
import type { FsckFlags } from './log/fsck.ts';
import { mirror } from './log/mirror.ts';
import { publishedKey } from './log/published-key.ts';

export function logCommands(program: Command, options: () => ConnectionOptions): void {
  const log = program.command('log').description('the audit log');
  log
    .command('checkpoint')
    .description('print the newest signed checkpoint; keep it, and later bundles can prove that the log only grew')
    .action(async () => {
      process.stdout.write(await fetchText(`${connect(options()).issuer}/log/checkpoint`));
    });
  log
    .command('show')
    .description('print records, oldest first, one JSON a line')
    .option('--transaction <id>', 'only of this transaction')
    .option('--type <type>', 'only of this type, e.g. token.issued')
    .option('--after <index>', 'only after this index')
    .option('--limit <n>', 'at most so many (1 to 1000)', '100')
    .action(async (query: { transaction?: string; type?: string; after?: string; limit: string }) => {
      const { records } = await request(connect(options()), 'GET /evidence/records', { scope: 'audit:read', query });
      for (const entry of records) print(JSON.stringify(entry));
    });
  log
    .command('verify')
    .description('read every entry, recompute the tree here, and compare it with the signed checkpoint')
    .option('--log-key <vkey>', "the log's verifier key, obtained independently of the log")
    .action(async ({ logKey }: { logKey?: string }) => {
      process.exitCode = await verifyLog(connect(options()), logKey);
    });
  log
    .command('fsck')
    .description('recompute everything from the entries: hashes, tiles, streams, what was pruned, the signed root')
    .option('--from <url>', 'prefix of another log; without it, the log of the control plane', readAddress)
    .option('--folder <folder>', 'instead: a folder that a log was published or copied to')
    .option('--log-key <vkey>', "the log's verifier key, obtained independently of the log")
    .option('--policy <file>', 'instead: a policy (C2SP tlog-policy), which also says who must have cosigned')
    .option('--earlier <file>', 'a checkpoint that you hold: the log has only grown since')
    .option('--json', 'one JSON object, for machines')
    .action(async (flags: FsckFlags) => {
      // Loaded on demand: only this command parses records.
      const { fsck } = await import('./log/fsck.ts');
      process.exitCode = await fsck(flags, options());
    });
  log
    .command('mirror')
    .description('keep a verified copy of a log in a folder that can be served as it is (C2SP tlog-tiles)')
    .requiredOption('--folder <folder>', 'made at the first time; run again to follow')
    .option('--from <url>', 'prefix of another log; without it, the log of the control plane', readAddress)
    .option('--log-key <vkey>', "the log's verifier key, obtained independently of the log")
    .option('--policy <file>', 'instead: a policy (C2SP tlog-policy), which also says who must have cosigned')
    .option('--no-entries', 'hashes alone')
    .action(async (flags: { folder: string; from?: string; logKey?: string; policy?: string; entries: boolean }) => {
      await mirror(flags, options());
    });
}

async function verifyLog(connection: Connection, logKey: string | undefined): Promise<number> {
  const { issuer } = connection;
  const key = logKey ?? (await publishedKey(issuer));
  const parsedKey = parseVerifierKey(key);
  if (!parsedKey.ok)
    throw new CodedError({
      code: 'log_key_malformed',
      category: 'invalid',
      detail: 'The log key is not a C2SP verifier key.',
    });
  const note = await fetchText(`${issuer}/log/checkpoint`);
  let known: KnownLog;
  let head: ReturnType<KnownLog['read']>;
  try {
    known = await knownLog({ logKey: key }, Buffer.from(await fetchText(`${issuer}/log/keys.json`)));
    head = known.read(note);
  } catch (error) {
    if (!isCodedError(error, 'checkpoint_unverified')) throw error;
    return failed('checkpoint_signature', error.detail);
  }
  const { size, root } = head;
  const token = await connection.token('evidence', 'audit:read');
  const line = progressLine();
  let frontier = Frontier.empty;
  for (let start = 0n; start < size; start += 256n) {
    const width = Number(size - start < 256n ? size - start : 256n);
    const bytes = await readEntries(connection, token, start / 256n, width);
    const decoded = decodeEntryBundle(bytes, width);
    if (!decoded.ok || decoded.entries.length !== width)
      return failed('entries_malformed', `Entries ${start} and on cannot be read.`);
    const leaves = decoded.entries.map((entry) => hashLeaf(entry));
    const before = frontier;
    const other = known.handovers.find(
      (handover) =>
        handover.size > before.size &&
        handover.size <= before.size + BigInt(leaves.length) &&
        !before
          .append(leaves.slice(0, Number(handover.size - before.size)))
          .root()
          .equals(handover.root),
    );
    if (other !== undefined)
      return failed('history_forked', `The first ${other.size} entries are not those of the handover to another key.`);
    frontier = frontier.append(leaves);
    line.update(`${frontier.size} of ${size} entries`);
  }
  line.end(dim(`${frontier.size} of ${size} entries`));
  if (!frontier.root().equals(Buffer.from(root)))
    return failed('root_differs', 'The entries served do not hash to the root that was signed.');
  print(`${green('ok')}  ${size} entries hash to the signed root ${dim(Buffer.from(root).toString('base64'))}`);
  for (const handover of known.handovers)
    print(`${green('ok')}  another key took over at ${handover.size} entries; both keys signed that tree`);
  if (logKey !== undefined) return exitCodes.ok;
  print(`${yellow('unanchored')}  The key was the one this log publishes: ${key}. Pass yours with --log-key.`);
  return exitCodes.unanchored;
}

function failed(code: string, detail: string): number {
  print(`${bold(red(code))}  ${detail}`);
  return exitCodes.unverified;
}

async function readEntries(
  { issuer, client }: Connection,
  token: Token,
  index: bigint,
  width: number,
): Promise<Buffer> {
  const answer = await client.call(token, {
    method: 'GET',
    url: `${issuer}/log/${entryBundlePath({ index, width })}`,
    binary: true,
  });
  if (answer.status !== 200 || !Buffer.isBuffer(answer.body)) throw refusalOf(answer);
  return answer.body;
}

async function fetchText(url: string): Promise<string> {
  try {
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return await answer.text();
  } catch (cause) {
    throw noAnswer(cause, url, `${url} does not answer; is the control plane running?`);
  }
}
