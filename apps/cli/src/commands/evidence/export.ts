import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { request } from '../../api.ts';
import { type Connection, type ConnectionOptions, connect } from '../../connection.ts';
import { dim, print } from '../../output.ts';
import { type ExportFormat, exportFormats, exportRecords } from './export-records.ts';
import { asksAbout, type QuestionFlags, scopesOf } from './question.ts';

interface ExportFlags extends QuestionFlags {
  readonly format: string;
  readonly limit: string;
  readonly out?: string;
  readonly since?: string;
  readonly trust?: string;
}

export function exportCommand(evidence: Command, options: () => ConnectionOptions): void {
  asksAbout(
    evidence
      .command('export')
      .description(
        "write everything recorded for a transaction, with the log's proofs, into one file; or records, however they are asked for, as lines, table or report",
      ),
  )
    .option('--format <format>', `bundle; or records without proof: ${exportFormats.join(', ')}`, 'bundle')
    .option('--limit <n>', 'at most so many records', '1000000')
    .option('--out <file>', 'default: <transaction>.evidence.json, or evidence.<format>')
    .option('--since <file>', 'a checkpoint you kept: the bundle then proves that the log only grew since')
    .option('--trust <file>', "also write the trusted inputs of a verifier (the log's key and a checkpoint)")
    .action(async (flags: ExportFlags) => {
      const connection = connect(options());
      const format = exportFormats.find((known) => known === flags.format);
      if (format !== undefined) await writeRecords(connection, flags, format);
      else if (flags.format === 'bundle') await writeBundle(connection, flags);
      else throw unusable('format_unknown', `--format is bundle, ${exportFormats.join(', ')}.`);
    });
}

async function writeRecords(connection: Connection, flags: ExportFlags, format: ExportFormat): Promise<void> {
  const limit = Number(flags.limit);
  if (!Number.isSafeInteger(limit) || limit < 1) throw unusable('limit_malformed', '--limit is a number from 1 on.');
  const out = flags.out ?? `evidence.${format}`;
  await exportRecords(connection, flags, { format, out, limit });
  print(`${out}  ${dim(size(out))}`);
}

async function writeBundle(connection: Connection, flags: ExportFlags): Promise<void> {
  const { transaction, since, disclose, purpose, trust } = flags;
  if (transaction === undefined)
    throw unusable('transaction_missing', 'A bundle is about one transaction: name it with --transaction.');
  const bundle = await request(connection, 'GET /evidence/transactions/{id}', {
    scope: scopesOf(flags, 'audit:export'),
    params: { id: transaction },
    query: {
      since: since === undefined ? undefined : readFileSync(since).toString('base64url'),
      // A bundle discloses one of these: everything, strategy (the default) or nothing.
      disclose: disclose === '*' ? 'everything' : disclose,
      purpose,
    },
  });
  const out = flags.out ?? `${basename(transaction)}.evidence.json`;
  writeFileSync(out, `${JSON.stringify(bundle, undefined, 1)}\n`, { mode: 0o600 });
  print(`${out}  ${dim(size(out))}`);
  if (trust === undefined) return;
  const { log, checkpoint } = bundle;
  writeFileSync(trust, `${JSON.stringify({ logVerifierKey: log.verifierKey, checkpoint }, undefined, 2)}\n`);
  print(`${trust}  ${dim('hand this over by another way than the bundle')}`);
}

function size(file: string): string {
  return `${(statSync(file).size / 1024).toFixed(0)} KiB`;
}

function unusable(code: string, detail: string): CodedError {
  return new CodedError({ code, category: 'invalid', detail });
}
