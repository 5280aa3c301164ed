import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Clock, errorVocabulary, systemClock } from '@countersign/kernel';
import { systemErrorCode } from '@countersign/runtime';
import { ownName } from '@countersign/wire';
import { type ProcessGroup, processGroups } from '../process-groups/index.ts';
import type { ProcessAuthority } from './certificates.ts';
import { authorityFiles, processFiles } from './group-configuration.ts';

export interface RenewProcessesOptions {
  /**
   * The folder that `processes init` created, with the authority and a folder for each group. Folders of some groups may be
   * absent.
   */
  readonly folder: string;
  /** Default: all groups that have a folder there. */
  readonly groups?: readonly ProcessGroup[];
  /** Days of validity, 1 to 825, limited by the end of the authority. Default: 365. */
  readonly days?: number;
  readonly clock?: Clock;
}

export interface RenewedProcess {
  readonly group: ProcessGroup;
  /** Certificate and key, at the paths where the process reads them. */
  readonly files: readonly [string, string];
  /** End of validity of the old and the new certificate, in milliseconds since the epoch. */
  readonly endedAt: number;
  readonly endsAt: number;
}

export const renewalErrors = errorVocabulary({
  /** The folder lacks the files to renew, or the authority. */
  process_folder_incomplete: 'invalid',
  process_days_invalid: 'invalid',
  /** The authority has expired. `processes init` must create everything again. */
  process_authority_expired: 'invalid',
  process_folder_unwritable: 'invalid',
});

/**
 * Issues new certificates and keys to processes, with the same names and from the installation's authority. The old
 * certificates stay valid until they expire.
 *
 * @throws CodedError of {@link renewalErrors}
 */
export async function renewProcesses(options: RenewProcessesOptions): Promise<readonly RenewedProcess[]> {
  const { days = 365, clock = systemClock } = options;
  const folder = resolve(options.folder);
  if (!Number.isInteger(days) || days < 1 || days > 825)
    throw renewalErrors.error('process_days_invalid', 'A certificate of a process is made for 1 to 825 days.');
  const groups = options.groups ?? processGroups.filter((group) => existsSync(join(folder, group)));
  if (groups.length === 0)
    throw renewalErrors.error(
      'process_folder_incomplete',
      `${folder} has no folder of a process (${processGroups.join(', ')}).`,
    );
  const previous = groups.map((group) => ({ group, ...certificateIn(join(folder, group), group) }));
  const authority = await authorityIn(folder, clock.now());
  const renewed: RenewedProcess[] = [];
  for (const { group, names, endsAt: endedAt } of previous) {
    const { certificate, privateKey } = await authority.issue(group, names, { now: clock.now(), days });
    const files = [join(folder, group, processFiles.certificate), join(folder, group, processFiles.key)] as const;
    // A process that reads between the two writes detects the mismatch and reads again.
    replace(files[1], privateKey);
    replace(files[0], certificate);
    renewed.push({ group, files, endedAt, endsAt: Date.parse(new X509Certificate(certificate).validTo) });
  }
  return renewed;
}

function certificateIn(folder: string, group: ProcessGroup) {
  const file = join(folder, processFiles.certificate);
  try {
    const identity = {
      certificate: readFileSync(file, 'utf8'),
      key: readFileSync(join(folder, processFiles.key), 'utf8'),
    };
    const certificate = new X509Certificate(identity.certificate);
    if (ownName({ ...identity, authorities: '' }) !== group) throw new Error('the certificate is of another process');
    const names = (certificate.subjectAltName ?? '')
      .split(', ')
      .flatMap((name) => /^(?:DNS|IP Address):(.+)$/.exec(name)?.[1] ?? []);
    return { names, endsAt: Date.parse(certificate.validTo) };
  } catch (cause) {
    throw renewalErrors.error(
      'process_folder_incomplete',
      `${file} and the key beside it are not of the ${group} process: the new certificate takes its names from there.`,
      { cause },
    );
  }
}

async function authorityIn(folder: string, now: number): Promise<ProcessAuthority> {
  const [certificateFile, keyFile] = [join(folder, authorityFiles.certificate), join(folder, authorityFiles.key)];
  // Loaded only here, because no server needs it.
  const { openProcessAuthority } = await import('./certificates.ts');
  try {
    const certificate = readFileSync(certificateFile, 'utf8');
    const endsAt = Date.parse(new X509Certificate(certificate).validTo);
    const authority = await openProcessAuthority({ certificate, privateKey: readFileSync(keyFile, 'utf8') });
    if (now < endsAt) return authority;
  } catch (cause) {
    throw renewalErrors.error(
      'process_folder_incomplete',
      `${keyFile} and ${certificateFile} cannot be read, or do not belong together. Put them there as processes init has made them.`,
      { cause },
    );
  }
  throw renewalErrors.error(
    'process_authority_expired',
    `The authority in ${certificateFile} has ended. Make everything anew with countersign processes init, in another folder: the keys of the groups stay the same.`,
  );
}

function replace(file: string, content: string): void {
  const staged = `${file}.new`;
  try {
    writeFileSync(staged, content, { mode: 0o600 });
    renameSync(staged, file);
  } catch (cause) {
    rmSync(staged, { force: true });
    const code = systemErrorCode(cause);
    if (code === undefined) throw cause;
    throw renewalErrors.error('process_folder_unwritable', `${file} cannot be written (${code}).`, { cause });
  }
}
