import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Installation, InstallationProcess } from './installation.ts';
import type { Processes, ServerProcess } from './processes.ts';
import type { Timeline } from './timeline.ts';

export interface SplitControlPlane {
  /** By the name of the process. */
  readonly holds: Readonly<
    Record<
      (typeof names)[number],
      {
        readonly stored: readonly string[];
        readonly stateless: readonly string[];
        readonly keyPurposes: readonly string[];
      }
    >
  >;
  /** Starts a database in a new folder and creates a development configuration that uses it. */
  prepare(options: {
    readonly folder: string;
    readonly port: number;
    readonly onProgress: (message: string) => void;
  }): Promise<{ readonly configurationFile: string; stop(): Promise<void> }>;
}

const names = ['edge', 'core', 'evidence', 'egress', 'certificate-authority', 'secrets'] as const;
type Name = (typeof names)[number];

/** Six processes with a shared database. Each has only what `countersign processes init` created for it. */
export async function startSplitInstallation({
  processes,
  split,
  folder,
  port,
  firstPort,
  timeline,
}: {
  readonly processes: Processes;
  readonly split: SplitControlPlane;
  readonly folder: string;
  readonly port: number;
  /** Of twelve, for the processes among themselves. */
  readonly firstPort: number;
  readonly timeline: Pick<Timeline, 'done' | 'waiting'>;
}): Promise<Installation> {
  const onProgress = (text: string): void => timeline.waiting(text);
  onProgress('starting a database that the processes share');
  const preparing = split.prepare({ folder, port, onProgress });
  // Also covers an interruption of the demo before the database runs.
  processes.alsoStop(async () => {
    await preparing.then(
      ({ stop }) => stop(),
      () => undefined,
    );
  });
  const { configurationFile } = await preparing;
  const out = join(folder, 'processes');
  timeline.done('a database that the processes share is up');
  onProgress('countersign migrate');
  await processes.run('migrate', '--config', configurationFile);
  timeline.done('countersign migrate: the database is at this release');
  onProgress('countersign processes init');
  await processes.run('processes', 'init', '--config', configurationFile, '--out', out, '--port', String(firstPort));
  timeline.done('countersign processes init: each process gets the keys of its group, and a certificate', out);

  const running = new Map<Name, ServerProcess>();
  const described = (name: Name): InstallationProcess => {
    const { stored, stateless, keyPurposes } = split.holds[name];
    return {
      name,
      pid: running.get(name)?.pid ?? 0,
      holds: [
        `components ${[...stored, ...stateless].join(', ')}`,
        `keys ${keyPurposes.join(', ')}`,
        `${stored.length} database roles`,
      ],
    };
  };
  const named = (given: string): Name => {
    const name = names.find((candidate) => candidate === given);
    if (name === undefined) throw new Error(`no process of the installation is ${given}`);
    return name;
  };
  const start = async (name: Name): Promise<void> => {
    const config = join(out, name, 'config.json');
    running.set(
      name,
      await processes.startServer(name, ['--config', config], (line) => onProgress(`${name}: ${line}`)),
    );
  };
  // All start at once, because each waits for the ones that it needs.
  await Promise.all(
    names.map(async (name) => {
      await start(name);
      timeline.done(`${name} is ready`);
    }),
  );
  const { issuer } = JSON.parse(readFileSync(configurationFile, 'utf8')) as { issuer: string };
  return {
    issuer,
    dataFolder: join(folder, 'data'),
    isSplit: true,
    get processes() {
      return names.filter((name) => running.has(name)).map(described);
    },
    async start(given) {
      const name = named(given);
      await start(name);
      return described(name);
    },
    async kill(given) {
      const name = named(given);
      const killed = described(name);
      await running.get(name)?.kill();
      running.delete(name);
      return killed;
    },
    secretsOf(group) {
      const address = new URL(readFileSync(join(out, group, 'database-url'), 'utf8').trim());
      return {
        rolesSecret: readFileSync(join(out, group, 'data', 'roles-secret'), 'utf8').trim(),
        database: { host: address.hostname, port: Number(address.port), database: address.pathname.slice(1) },
      };
    },
  };
}
