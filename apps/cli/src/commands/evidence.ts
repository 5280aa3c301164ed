import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import {
  type BundleTrust,
  describeBundle,
  parseBundle,
  type VerificationStep,
  verifyBundle,
} from '@countersign/evidence';
import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, readJson } from '../connection.ts';
import { bold, dim, exitCodes, green, print, red, yellow } from '../output.ts';

/** A bundle of ten thousand records of the largest size is far below this; anything above is not one. */
const maxFileBytes = 1024 * 1_048_576;

export function evidenceCommands(program: Command, options: () => ConnectionOptions): void {
  const evidence = program
    .command('evidence')
    .description('take the proof of a transaction out, and check one offline');
  evidence
    .command('export')
    .description("write everything recorded for a transaction, with the log's proofs, into one file")
    .requiredOption('--transaction <id>', 'e.g. txn_01k...')
    .option('--out <file>', 'default: <transaction>.evidence.json')
    .option('--since <file>', 'a checkpoint you kept: the bundle then proves that the log only grew since')
    .option('--trust <file>', "also write what a verifier should know from elsewhere (the log's key and a checkpoint)")
    .action(async (flags: { transaction: string; out?: string; since?: string; trust?: string }) => {
      const { issuer, client, token } = connect(options());
      const since = flags.since === undefined ? '' : `?since=${readFileSync(flags.since).toString('base64url')}`;
      const url = `${issuer}/evidence/transactions/${encodeURIComponent(flags.transaction)}${since}`;
      const bundle = await client.callOrThrow(await token('evidence', 'audit:export'), { method: 'GET', url });
      const out = flags.out ?? `${basename(flags.transaction)}.evidence.json`;
      writeFileSync(out, `${JSON.stringify(bundle, undefined, 1)}\n`, { mode: 0o600 });
      print(`${out}  ${dim(`${(statSync(out).size / 1024).toFixed(0)} KiB`)}`);
      if (flags.trust !== undefined) {
        const { log, checkpoint } = bundle as { log: { verifierKey: string }; checkpoint: string };
        writeFileSync(
          flags.trust,
          `${JSON.stringify({ logVerifierKey: log.verifierKey, checkpoint }, undefined, 2)}\n`,
        );
        print(`${flags.trust}  ${dim('hand this over by another way than the bundle')}`);
      }
    });
  evidence
    .command('verify <file>')
    .description('check a bundle: no network, no database')
    .option('--trust <file>', 'JSON { logVerifierKey, checkpoint? } that you have from elsewhere than the bundle')
    .option('--log-key <vkey>', "the log's verifier key, instead of a trust file")
    .option('--json', 'print every step as JSON', false)
    .option('--timeline', 'also print what the records say happened', false)
    .action((file: string, flags: { trust?: string; logKey?: string; json: boolean; timeline: boolean }) => {
      process.exitCode = verify(file, flags);
    });
}

function verify(file: string, flags: { trust?: string; logKey?: string; json: boolean; timeline: boolean }): number {
  const trust = trustOf(flags);
  if (existsSync(file) && statSync(file).size > maxFileBytes)
    throw new CodedError({
      code: 'file_too_large',
      category: 'too-large',
      detail: `${file} is larger than any evidence bundle.`,
    });
  const bundle = readJson(file, 'Name an evidence bundle.');
  const result = verifyBundle(bundle, {
    trust,
    ...(flags.json ? {} : { onStep: (step: VerificationStep) => print(describeStep(step)) }),
  });
  if (flags.json) print(JSON.stringify(result, undefined, 2));
  else {
    const parsed = parseBundle(bundle);
    if (flags.timeline && parsed.ok) for (const line of describeBundle(parsed.bundle)) print(dim(line));
    print(verdictOf(result));
  }
  if (!result.ok) return exitCodes.unverified;
  return result.anchored ? exitCodes.ok : exitCodes.unanchored;
}

function verdictOf(result: { readonly ok: boolean; readonly anchored: boolean }): string {
  if (!result.ok) return bold(red('NOT VERIFIED: the steps above say what fails.'));
  if (!result.anchored)
    return bold(
      yellow(
        "CONSISTENT, NOT ANCHORED: compare the log's key with one you have from elsewhere: --trust FILE or --log-key KEY.",
      ),
    );
  return bold(green('VERIFIED'));
}

function describeStep({ ok, code, title, detail, record }: VerificationStep): string {
  const mark = !ok ? red('FAIL') : code === undefined ? green('ok  ') : yellow('note');
  return `${mark} ${title}${code === undefined ? '' : bold(`  ${code}`)}  ${dim(detail)}${record === undefined ? '' : dim(`  ${record}`)}`;
}

/** Only what the reader names: a file found beside the bundle may have come from whoever sent the bundle. */
function trustOf(flags: { trust?: string; logKey?: string }): BundleTrust {
  if (flags.logKey !== undefined) return { logVerifierKey: flags.logKey };
  const path = flags.trust;
  if (path === undefined) return {};
  const { logVerifierKey, checkpoint } = readJson(path, 'Name a trust file.') as Record<string, unknown>;
  if (typeof logVerifierKey !== 'string' || (checkpoint !== undefined && typeof checkpoint !== 'string'))
    throw new CodedError({
      code: 'trust_malformed',
      category: 'invalid',
      detail: `${path} must hold { "logVerifierKey": "...", "checkpoint"?: "..." }.`,
    });
  return { logVerifierKey, ...(checkpoint === undefined ? {} : { checkpoint }) };
}
