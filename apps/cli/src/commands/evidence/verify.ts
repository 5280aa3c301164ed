import { existsSync, readFileSync, statSync } from 'node:fs';
import {
  describeBundle,
  parseBundle,
  type StepResult,
  type Verdict,
  type VerificationStep,
  verificationReportOf,
  verifyBundle,
} from '@countersign/evidence';
import { CodedError, parseJson, sha256 } from '@countersign/kernel';
import type { Command } from 'commander';
import { bold, dim, exitCodes, green, print, printJson, red, yellow } from '../../output.ts';
import { type TrustFlags, trustOf, withTrust } from './trust.ts';

/** Far more than a bundle with the maximum number of records of the maximum size. */
const maxFileBytes = 1024 * 1_048_576;

export function verifyCommand(evidence: Command): void {
  withTrust(evidence.command('verify <file>').description('check a bundle: no network, no database'))
    .option('--json', 'print the report as JSON', false)
    .option('--timeline', 'also print what the records say happened', false)
    .action((file: string, flags: TrustFlags & { json: boolean; timeline: boolean }) => {
      process.exitCode = verify(file, flags);
    });
}

/** A bundle with the digest of its file. @throws CodedError `file_unreadable`, `file_too_large` */
export function readBundleFile(file: string): { readonly document: unknown; readonly digest: string } {
  if (!existsSync(file)) throw unreadable(`There is no file ${file}.`);
  if (statSync(file).size > maxFileBytes)
    throw new CodedError({
      code: 'file_too_large',
      category: 'too-large',
      detail: `${file} is larger than any evidence bundle.`,
    });
  const bytes = readFileSync(file);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unreadable(`${file} is not text.`);
  }
  const parsed = parseJson(text, { maxLength: maxFileBytes });
  if (!parsed.ok) throw unreadable(`${file} cannot be read: ${parsed.problem}.`);
  return { document: parsed.value, digest: sha256(bytes).toString('hex') };
}

function unreadable(detail: string): CodedError {
  return new CodedError({ code: 'file_unreadable', category: 'invalid', detail });
}

function verify(file: string, flags: TrustFlags & { json: boolean; timeline: boolean }): number {
  const trust = trustOf(flags);
  const { document, digest } = readBundleFile(file);
  const result = verifyBundle(document, {
    trust,
    ...(flags.json ? {} : { onStep: (step: VerificationStep) => print(describeStep(step)) }),
  });
  if (flags.json) printJson(verificationReportOf(document, result, digest));
  else {
    const parsed = parseBundle(document);
    if (flags.timeline && parsed.ok) for (const line of describeBundle(parsed.bundle)) print(dim(line));
    print(words[result.verdict]);
  }
  return codes[result.verdict];
}

const codes: Readonly<Record<Verdict, number>> = {
  verified: exitCodes.ok,
  incomplete: exitCodes.incomplete,
  unanchored: exitCodes.unanchored,
  failed: exitCodes.unverified,
};

const words: Readonly<Record<Verdict, string>> = {
  verified: bold(green('VERIFIED')),
  incomplete: bold(
    yellow(
      'INCOMPLETE: nothing is wrong, and the steps marked `part` could not see what is withheld or no longer kept.',
    ),
  ),
  unanchored: bold(
    yellow(
      "CONSISTENT, NOT ANCHORED: compare the log's key with one you obtained independently: --trust FILE or --log-key KEY.",
    ),
  ),
  failed: bold(red('NOT VERIFIED: the steps above say what fails.')),
};

/** `skip`: there was nothing to check, which is no success. */
const marks: Readonly<Record<StepResult, string>> = {
  holds: green('ok  '),
  note: yellow('note'),
  incomplete: yellow('part'),
  'not checked': dim('skip'),
  fails: red('FAIL'),
};

function describeStep({ result, code, title, detail, record }: VerificationStep): string {
  return `${marks[result]} ${title}${code === undefined ? '' : bold(`  ${code}`)}  ${dim(detail)}${record === undefined ? '' : dim(`  ${record}`)}`;
}
