import { existsSync, readFileSync } from 'node:fs';
import { type BundleTrust, parseTrust, readCertificateFile } from '@countersign/evidence';
import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { readJson } from '../../read-json.ts';

/** The reader's trusted inputs, as named on the command line. */
export interface TrustFlags {
  readonly trust?: string;
  readonly logKey?: string;
  readonly checkpoint?: string;
  readonly policy?: string;
  readonly tsaCertificate?: readonly string[];
  readonly caCertificate?: readonly string[];
  readonly envelope?: readonly string[];
}

export function withTrust(command: Command): Command {
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
  return command
    .option('--trust <file>', 'JSON { logVerifierKey, checkpoint?, ... } that you obtained independently of the bundle')
    .option('--log-key <vkey>', "the log's verifier key, instead of a trust file or before it")
    .option('--checkpoint <file>', 'a checkpoint that you kept')
    .option('--policy <file>', 'whose cosignatures you ask for (C2SP tlog-policy)')
    .option('--tsa-certificate <file>', 'of an authority whose time stamps you trust; PEM or DER, repeatable', collect)
    .option('--ca-certificate <file>', 'by which you trust certificates that were shown; repeatable', collect)
    .option('--envelope <file>', 'an envelope you were sent, to be compared with what was issued; repeatable', collect);
}

/**
 * Uses only files that the reader names, because a file beside the bundle may come from its sender. Individual options override
 * the trust file.
 *
 * @throws CodedError `trust_malformed` for a named input that cannot be used
 */
export function trustOf(flags: TrustFlags): BundleTrust {
  const file = flags.trust === undefined ? {} : readJson(flags.trust, 'Name a trust file.');
  if (typeof file !== 'object' || file === null || Array.isArray(file))
    throw malformed(`${flags.trust} holds no JSON object`);
  const parsed = parseTrust({
    ...file,
    ...(flags.logKey === undefined ? {} : { logVerifierKey: flags.logKey }),
    ...(flags.checkpoint === undefined ? {} : { checkpoint: textOf(flags.checkpoint) }),
    ...(flags.policy === undefined ? {} : { policy: textOf(flags.policy) }),
    ...(flags.envelope === undefined ? {} : { envelopes: flags.envelope.map((path) => textOf(path).trim()) }),
  });
  if (!parsed.ok) throw malformed(`what you named cannot be used: ${parsed.problem}`);
  const { timeStampAuthorities = [], certificateAuthorities = [], ...trust } = parsed.trust;
  const authorities = {
    timeStampAuthorities: [...timeStampAuthorities, ...certificatesOf(flags.tsaCertificate)],
    certificateAuthorities: [...certificateAuthorities, ...certificatesOf(flags.caCertificate)],
  };
  return {
    ...trust,
    ...(authorities.timeStampAuthorities.length === 0
      ? {}
      : { timeStampAuthorities: authorities.timeStampAuthorities }),
    ...(authorities.certificateAuthorities.length === 0
      ? {}
      : { certificateAuthorities: authorities.certificateAuthorities }),
  };
}

function certificatesOf(files: readonly string[] = []): readonly Uint8Array[] {
  return files.flatMap((path) => {
    const certificates = readCertificateFile(octetsOf(path));
    if (certificates === undefined) throw malformed(`${path} holds no certificate in PEM or DER`);
    return certificates;
  });
}

function textOf(path: string): string {
  return octetsOf(path).toString();
}

function octetsOf(path: string): Buffer {
  if (!existsSync(path)) throw malformed(`there is no file ${path}`);
  return readFileSync(path);
}

function malformed(problem: string): CodedError {
  const detail = `${problem.charAt(0).toUpperCase()}${problem.slice(1)}.`;
  return new CodedError({ code: 'trust_malformed', category: 'invalid', detail });
}
