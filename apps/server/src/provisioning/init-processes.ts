import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, join, resolve, sep } from 'node:path';
import { type Clock, CodedError, systemClock, systemRandom } from '@countersign/kernel';
import { readSecret, rolesSecretFromFile, systemErrorCode, withoutAccount } from '@countersign/runtime';
import { readConfiguration, readConfigurationFile } from '../configuration/index.ts';
import { rolesSecretFile } from '../database/index.ts';
import { deriveGroupKey, readKeyBytes } from '../keys/index.ts';
import { type ProcessGroup, processGroups } from '../process-groups/index.ts';
import { authorityFiles, groupConfiguration, type ProcessPlaces, processFiles } from './group-configuration.ts';

export interface InitProcessesOptions {
  /** The configuration of the whole installation, with the owner account of the database. */
  readonly configurationFile: string;
  /** Created by this call, or empty. */
  readonly folder: string;
  /** The path of the folder on the machines of the processes. Default: `folder`. */
  readonly installedAt?: string;
  /** DNS names and IP addresses of each group. Default: `localhost` and `127.0.0.1`. */
  readonly names?: Partial<ProcessPlaces['names']>;
  /** Default: 7431. See {@link ProcessPlaces}. */
  readonly firstPort?: number;
  readonly clock?: Clock;
}

export interface InitialisedProcesses {
  readonly processes: readonly {
    readonly group: ProcessGroup;
    /** All files of one process of the group, except those listed in `alsoReads`. */
    readonly folder: string;
    /** The path of its configuration at run time. */
    readonly configurationFile: string;
    /** `file:` and `env:` references of the installation's configuration that this process also reads. */
    readonly alsoReads: readonly string[];
  }[];
  /** Key of the certificate authority. No process needs it. */
  readonly authorityKeyFile: string;
  /** References and files that no process needs. Each is enough to derive the secrets of the processes. */
  readonly keepOffline: readonly string[];
}

/**
 * Creates a folder for each group of a split installation: a certificate from the installation's own authority, the
 * key-encryption key and the roles' secret of the group, and a complete configuration. It creates all folders or none.
 *
 * @throws CodedError `folder_not_empty`, `folder_unwritable`, `process_name_invalid`, `configuration_invalid` and others of
 * {@link readConfigurationFile}, `secret_unavailable`
 */
export async function initProcesses(options: InitProcessesOptions): Promise<InitialisedProcesses> {
  const installation = readConfigurationFile(options.configurationFile);
  const { databaseUrl, keyEncryptionKey, dataFolder } = installation;
  if (installation.process !== undefined)
    throw invalid('This is the configuration of one process. Name the one of the installation, which has no process.');
  if (databaseUrl === undefined)
    throw invalid(
      'databaseUrl: processes of their own share a PostgreSQL of yours; the embedded one is for one process.',
    );
  const places = placesOf(options);
  const installationKey = readKeyBytes(keyEncryptionKey);
  const address = withoutAccount(readSecret(databaseUrl));
  const folder = resolve(options.folder);
  const installedAt = resolve(options.installedAt ?? folder);
  const configurations = processGroups.map((group) => {
    const configuration = groupConfiguration(installation, { group, places, folder: join(installedAt, group) });
    // Finds an invalid configuration here instead of at the start of the process.
    readConfiguration(configuration);
    return { group, configuration };
  });
  requireEmpty(folder);
  mkdirSync(dataFolder, { recursive: true, mode: 0o711 });
  const roles = rolesSecretFromFile(rolesSecretFile(resolve(dataFolder)), systemRandom);
  // Loaded only here, because no server needs it.
  const { createProcessAuthority } = await import('./certificates.ts');
  const now = (options.clock ?? systemClock).now();
  const authority = await createProcessAuthority({ now });

  const files = new Map<string, string>([
    [authorityFiles.certificate, authority.certificate],
    [authorityFiles.key, authority.privateKey],
  ]);
  for (const { group, configuration } of configurations) {
    const { certificate, privateKey } = await authority.issue(group, places.names[group], { now });
    const its = (name: string): string => join(group, name);
    files.set(its(processFiles.configuration), `${JSON.stringify(configuration, null, 2)}\n`);
    files.set(its(processFiles.certificate), certificate);
    files.set(its(processFiles.key), privateKey);
    files.set(its(processFiles.authorities), authority.certificate);
    const groupKey = Buffer.from(deriveGroupKey(installationKey, group)).toString('base64url');
    files.set(its(processFiles.keyEncryptionKey), `${groupKey}\n`);
    files.set(its(processFiles.databaseUrl), `${address}\n`);
    files.set(rolesSecretFile(its(processFiles.data)), `${roles.ofGroup(group)}\n`);
  }
  writeAtOnce(folder, files);
  return {
    processes: configurations.map(({ group, configuration }) => ({
      group,
      folder: join(folder, group),
      configurationFile: join(installedAt, group, processFiles.configuration),
      alsoReads: [...new Set(referencesIn(configuration))].filter(
        (reference) => !reference.startsWith(`file:${join(installedAt, group)}${sep}`),
      ),
    })),
    authorityKeyFile: join(folder, authorityFiles.key),
    keepOffline: [keyEncryptionKey, `file:${rolesSecretFile(resolve(dataFolder))}`, databaseUrl],
  };
}

function placesOf({ names = {}, firstPort = 7_431 }: InitProcessesOptions): ProcessPlaces {
  if (!Number.isInteger(firstPort) || firstPort < 1 || firstPort > 65_535 - 2 * processGroups.length + 1)
    throw new CodedError({
      code: 'port_invalid',
      category: 'invalid',
      detail: `The first of ${2 * processGroups.length} ports is a number from 1 to ${65_535 - 2 * processGroups.length + 1}.`,
    });
  for (const name of processGroups.flatMap((group) => names[group] ?? []))
    if (
      isIP(name) === 0 &&
      !/^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/.test(name)
    )
      throw new CodedError({
        code: 'process_name_invalid',
        category: 'invalid',
        detail: `${JSON.stringify(name)} is neither a DNS name in lower case nor an IP address.`,
      });
  const here = ['localhost', '127.0.0.1'];
  return {
    names: {
      ...{ edge: here, core: here, evidence: here, egress: here, 'certificate-authority': here, secrets: here },
      ...names,
    },
    firstPort,
  };
}

function referencesIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return /^(?:file|env):/.test(value) ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(referencesIn) : [];
}

function requireEmpty(folder: string): void {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return;
  throw new CodedError({
    code: 'folder_not_empty',
    category: 'conflict',
    detail: `${folder} holds something already, and nothing is overwritten. Name an empty folder or a new one.`,
  });
}

/** Writes beside the folder and renames, so that a partial folder is never visible. */
function writeAtOnce(folder: string, files: ReadonlyMap<string, string>): void {
  const staged = `${folder}.${randomBytes(6).toString('hex')}.new`;
  try {
    for (const [name, content] of files) {
      const path = join(staged, name);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, content, { flag: 'wx', mode: 0o600 });
    }
    if (existsSync(folder)) rmdirSync(folder);
    renameSync(staged, folder);
  } catch (cause) {
    rmSync(staged, { recursive: true, force: true });
    const code = systemErrorCode(cause);
    if (code === undefined) throw cause;
    throw new CodedError({
      code: 'folder_unwritable',
      category: 'invalid',
      detail: `${folder} cannot be written (${code}). Name an empty folder or a new one where you may write.`,
      cause,
    });
  }
}

function invalid(detail: string): CodedError {
  return new CodedError({ code: 'configuration_invalid', category: 'invalid', detail });
}
