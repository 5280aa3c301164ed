import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OwnerConnection } from '@countersign/runtime';
import { type ClientOptions, createTransport } from '@countersign/sdk';
import { initProcesses, migrateDatabase, prepareDevelopment } from '@countersign/server';
import { createFaultyProxy, type FaultyProxy, freePort, startTestServer } from '@countersign/testkit';
import { countersign, endAll, type Outcome, type ServerProcess, startServer } from '../../testing/command.ts';
import { type Operator, operatorOf } from '../../testing/control-plane.ts';
import { type Certificates, withMutualTls } from '../../testing/relying-parties.ts';
import { scratchFolder } from '../../testing/scratch-folder.ts';

export const groups = ['evidence', 'core', 'egress', 'certificate-authority', 'secrets', 'edge'] as const;
export type Group = (typeof groups)[number];

/** One process of a split installation, as its supervisor sees it. */
export interface Node {
  readonly group: Group;
  /** The folder with everything the process holds. */
  readonly folder: string;
  /** The port for calls of other processes. */
  readonly port: number;
  /** The address for clients of edge, and for health checks of the others. */
  readonly address: string;
  /** The address for clients with certificates; only of edge, and if the installation has certificates for it. */
  readonly mutualTlsAddress: string | undefined;
  readonly pid: number;
  /** Starts it, and resolves when it is ready. @throws Error with its output when it is not ready within three minutes */
  start(): Promise<void>;
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  /** The output of all of its lives. */
  said(): string;
  isReady(): Promise<boolean>;
}

export interface SplitInstallation {
  readonly issuer: string;
  readonly operator: Operator;
  /** Options of the clients that prepare the tests. */
  readonly clientOptions: Pick<ClientOptions, 'transport'>;
  readonly connection: OwnerConnection;
  readonly nodes: readonly Node[];
  nodesOf(group: Group): readonly Node[];
  /** The network from processes of one group to those of another; only if `proxied`. */
  network(from: Group, to: Group): readonly FaultyProxy[];
  /** `countersign log verify` by the operator. */
  verifyLog(): Promise<Outcome>;
  /** The last output of all processes, for a failed test. */
  explain(): string;
  stop(): Promise<void>;
}

export interface SplitOptions {
  /** Processes of each group; one by default. */
  readonly processes?: Partial<Readonly<Record<Group, number>>>;
  /** Whether calls between groups go through proxies that can fail. */
  readonly proxied?: boolean;
  /** For a second listener of edge that asks for client certificates. */
  readonly certificates?: Certificates;
  /** Environment of the processes of a group. */
  readonly env?: Partial<Readonly<Record<Group, Readonly<Record<string, string>>>>>;
}

interface Place {
  readonly group: Group;
  readonly folder: string;
  readonly port: number;
  readonly listenPort: number;
  readonly mutualTlsPort: number | undefined;
}

/**
 * PostgreSQL, the output of `countersign migrate` and `countersign processes init`, and a process for each node, on its own
 * ports.
 */
export async function startSplitInstallation({
  processes = {},
  proxied = false,
  certificates,
  env = {},
}: SplitOptions = {}): Promise<SplitInstallation> {
  const scratch = scratchFolder();
  const database = await startTestServer();
  const networks = new Map<string, FaultyProxy[]>();
  const nodes: Node[] = [];
  const explain = (): string =>
    nodes.map(({ group, pid, said }) => `--- ${group} ${pid}\n${said().slice(-6_000)}`).join('\n');
  const stop = async (): Promise<void> => {
    for (const node of nodes) node.resume();
    await endAll();
    await Promise.all([...networks.values()].flat().map((proxy) => proxy.close()));
    await database.stop();
    scratch.remove();
  };
  try {
    const data = join(scratch.path, 'data');
    const { issuer, made } = await initialise(scratch.path, data, database.connection, certificates);
    const places: Place[] = [];
    for (const group of groups)
      for (let index = 0; index < (processes[group] ?? 1); index++) {
        const folder = join(scratch.path, `${group}-${index}`);
        cpSync(join(made, group), folder, { recursive: true });
        const first = group === 'edge' && index === 0;
        places.push({
          ...{ group, folder, port: await freePort() },
          listenPort: first ? Number(new URL(issuer).port) : await freePort(),
          mutualTlsPort: group === 'edge' && certificates !== undefined ? await freePort() : undefined,
        });
      }
    for (const from of groups)
      for (const to of groups) {
        if (!proxied || from === to) continue;
        const ports = places.filter(({ group }) => group === to).map(({ port }) => port);
        const proxies = await Promise.all(
          ports.map((port) => createFaultyProxy({ target: { host: '127.0.0.1', port } })),
        );
        networks.set(`${from} ${to}`, proxies);
      }
    for (const place of places) {
      const peers = Object.fromEntries(
        groups
          .filter((other) => other !== place.group)
          .map((other) => {
            const direct = places.filter(({ group }) => group === other);
            const at = networks.get(`${place.group} ${other}`) ?? direct;
            return [other, at.map(({ port }) => `https://localhost:${port}`)];
          }),
      );
      configure(place, join(made, place.group), peers);
      nodes.push(nodeAt(place, env[place.group] ?? {}));
    }
    // They wait for each other.
    await Promise.all(nodes.map((node) => node.start()));
    // Setting up must not depend on the speed of the machine.
    const clientOptions = { transport: createTransport({ timeoutMs: 60_000 }) };
    return {
      issuer,
      operator: operatorOf(data, issuer, clientOptions),
      clientOptions,
      connection: database.connection,
      nodes,
      nodesOf: (group) => nodes.filter((node) => node.group === group),
      network: (from, to) => networks.get(`${from} ${to}`) ?? [],
      verifyLog: () => countersign(['--data', data, 'log', 'verify']),
      explain,
      stop,
    };
  } catch (error) {
    const said = explain();
    await stop();
    throw new Error(`the installation did not start:\n${said}`, { cause: error });
  }
}

async function initialise(
  folder: string,
  data: string,
  connection: OwnerConnection,
  certificates: Certificates | undefined,
) {
  const { user, password, host, port, database } = connection;
  const url = join(folder, 'owner-url');
  writeFileSync(url, `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}\n`, {
    mode: 0o600,
  });
  const { configurationFile, ...prepared } = prepareDevelopment({
    dataFolder: data,
    port: await freePort(),
    databaseUrl: `file:${url}`,
  });
  const configuration =
    certificates === undefined ? prepared.configuration : await withMutualTls(prepared.configuration, certificates);
  const made = join(folder, 'processes');
  writeFileSync(configurationFile, JSON.stringify({ ...configuration, logLevel: 'warn' }));
  await migrateDatabase({ configurationFile, say: () => undefined });
  await initProcesses({ configurationFile, folder: made });
  return { issuer: configuration.issuer, made };
}

/** A configuration as `processes init` made it, with its own folder and ports. */
function configure({ folder, port, listenPort, mutualTlsPort }: Place, made: string, peers: object): void {
  const file = join(folder, 'config.json');
  const configuration = JSON.parse(readFileSync(file, 'utf8').replaceAll(`${made}/`, `${folder}/`));
  configuration.listen.port = listenPort;
  if (mutualTlsPort !== undefined) configuration.mutualTls.listen.port = mutualTlsPort;
  configuration.process.listen.port = port;
  configuration.process.peers = peers;
  mkdirSync(join(folder, 'data'), { recursive: true });
  writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
}

/** Longer than the two minutes for which a process waits for another one. */
const startWithinMs = 180_000;
const retryPauseMs = 500;

function nodeAt(
  { group, folder, port, listenPort, mutualTlsPort }: Place,
  env: Readonly<Record<string, string>>,
): Node {
  const lives: ServerProcess[] = [];
  const life = (): ServerProcess => {
    const current = lives.at(-1);
    if (current === undefined) throw new Error(`${group} was not started`);
    return current;
  };
  const address = `http://127.0.0.1:${listenPort}`;
  return {
    ...{ group, folder, port, address },
    mutualTlsAddress: mutualTlsPort === undefined ? undefined : `https://127.0.0.1:${mutualTlsPort}`,
    get pid() {
      return lives.at(-1)?.pid ?? 0;
    },
    async start() {
      const deadline = performance.now() + startWithinMs;
      for (;;)
        try {
          const readyWithinMs = deadline - performance.now();
          lives.push(await startServer(['--config', join(folder, 'config.json')], { env, readyWithinMs }));
          return;
        } catch (error) {
          // As a supervisor does when something was unavailable (sysexits.h): on a busy machine another process may answer too
          // late, or another test may briefly use the port.
          if (performance.now() + retryPauseMs > deadline || !String(error).includes('it ended with 69')) throw error;
          await sleep(retryPauseMs);
        }
    },
    async kill() {
      await life().end('SIGKILL');
    },
    pause: () => void process.kill(life().pid, 'SIGSTOP'),
    resume() {
      try {
        process.kill(life().pid, 'SIGCONT');
      } catch {
        // It has ended, or never started.
      }
    },
    said: () => lives.map((each) => each.said()).join('\n'),
    async isReady() {
      try {
        const { status } = await fetch(`${address}/readyz`, { signal: AbortSignal.timeout(5_000) });
        return status === 200;
      } catch {
        return false;
      }
    },
  };
}
