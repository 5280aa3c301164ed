import { isIP } from 'node:net';
import { join } from 'node:path';
import { type Configuration, mainZone, mutualTlsZone } from '../configuration/index.ts';
import { type ProcessGroup, processGroups } from '../process-groups/index.ts';

export interface ProcessPlaces {
  /** DNS names and IP addresses of each group. Other processes call it by the first one. */
  readonly names: Readonly<Record<ProcessGroup, readonly string[]>>;
  /** The first of twelve ports: one for calls to each group, and one for the health of each group except edge. */
  readonly firstPort: number;
}

export const processFiles = {
  configuration: 'config.json',
  certificate: 'process.pem',
  key: 'process.key',
  authorities: 'authorities.pem',
  keyEncryptionKey: 'key-encryption-key',
  databaseUrl: 'database-url',
  data: 'data',
} as const;

/** The files of the authority, beside the folders of the processes. */
export const authorityFiles = {
  certificate: join('authority', 'authority.pem'),
  key: join('authority', 'authority.key'),
} as const;

/** Settings, some with secrets, that only one group reads. Processes of other groups do not receive them. */
const settingsOfOneGroup = {
  mutualTls: 'edge',
  signIn: 'edge',
  risk: 'edge',
  devices: 'edge',
  publication: 'evidence',
  clock: 'evidence',
  timeStamps: 'evidence',
  notices: 'egress',
  certificates: 'certificate-authority',
  workloads: 'certificate-authority',
  secrets: 'secrets',
} as const satisfies Partial<Record<keyof Configuration, ProcessGroup>>;

/**
 * The configuration of one process of a split installation.
 *
 * @param options.folder of the process, on the machine where it will run
 */
export function groupConfiguration(
  installation: Configuration,
  { group, places, folder }: { readonly group: ProcessGroup; readonly places: ProcessPlaces; readonly folder: string },
): object {
  const file = (name: keyof typeof processFiles): string => `file:${join(folder, processFiles[name])}`;
  const kept = Object.entries(installation).filter(
    ([setting]) => !(setting in settingsOfOneGroup) || Reflect.get(settingsOfOneGroup, setting) === group,
  );
  const others = processGroups.filter((other) => other !== group);
  return {
    ...Object.fromEntries(kept),
    listen: group === 'edge' ? installation.listen : { host: '127.0.0.1', port: healthPortOf(group, places) },
    dataFolder: join(folder, processFiles.data),
    databaseUrl: file('databaseUrl'),
    keyEncryptionKey: file('keyEncryptionKey'),
    process: {
      group,
      listen: { host: listensAt(places.names[group]), port: portOf(group, places) },
      certificate: file('certificate'),
      key: file('key'),
      authorities: file('authorities'),
      ...(group === 'edge' ? {} : { doors: doorsOf(installation) }),
      peers: Object.fromEntries(others.map((other) => [other, [addressOf(other, places)]])),
    },
  };
}

function doorsOf({ issuer, listen, mutualTls }: Configuration) {
  const main = { listener: 'HTTP', baseUrl: issuer, zone: listen.zone ?? mainZone };
  if (mutualTls === undefined) return [main];
  const { baseUrl, listen: listens } = mutualTls;
  return [main, { listener: 'mutual TLS', baseUrl, zone: listens.zone ?? mutualTlsZone }];
}

function portOf(group: ProcessGroup, { firstPort }: ProcessPlaces): number {
  return firstPort + processGroups.indexOf(group);
}

function healthPortOf(group: ProcessGroup, places: ProcessPlaces): number {
  return portOf(group, places) + processGroups.length;
}

function addressOf(group: ProcessGroup, places: ProcessPlaces): string {
  const [name = 'localhost'] = places.names[group];
  return `https://${isIP(name) === 6 ? `[${name}]` : name}:${portOf(group, places)}`;
}

/** Listens on all addresses if one of the names is reachable from other machines. */
function listensAt(names: readonly string[]): string {
  return names.every((name) => ['localhost', '127.0.0.1', '::1'].includes(name)) ? '127.0.0.1' : '0.0.0.0';
}
