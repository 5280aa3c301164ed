import type { OwnerConnection } from '@countersign/runtime';

/** Messages of a server process to the benchmark. */
export type FromServer =
  | { readonly kind: 'progress'; readonly message: string }
  | { readonly kind: 'ready'; readonly url: string }
  | { readonly kind: 'cpu'; readonly microseconds: number }
  | { readonly kind: 'filled' };

export type ToServer =
  | { readonly kind: 'cpu' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'fill-log'; readonly records: number };

export interface Server {
  readonly url: string;
  readonly fillLog?: (records: number) => Promise<void>;
  stop(): Promise<void>;
}

/** Settings of the two servers for comparison. */
export interface BaselineSettings {
  readonly clients: readonly BaselineClient[];
  readonly resources: readonly BaselineResource[];
  /** Of the clients for people. */
  readonly redirectUri: string;
}

export interface BaselineClient {
  readonly id: string;
  readonly jwk: Readonly<Record<string, string>>;
  readonly grantTypes: readonly string[];
}

export interface BaselineResource {
  readonly uri: string;
  readonly scope: string;
  readonly tokenFormat: 'jwt' | 'opaque';
}

/** Runs a server in a child process of the benchmark. It reports its CPU time, and stops on request or with the benchmark. */
export async function runMeasured<Settings>(
  start: (settings: Settings, onProgress: (message: string) => void) => Promise<Server>,
): Promise<void> {
  const send = (message: FromServer): void => void process.send?.(message);
  // Ctrl-C reaches the whole process group; the benchmark stops this process.
  process.on('SIGINT', () => undefined);
  let server: Server | undefined;
  let ending = false;
  const end = (): void => {
    ending = true;
    if (server === undefined) return;
    void server.stop().finally(() => process.exit(0));
  };
  const fail = (error: unknown): void => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  };
  process.on('disconnect', end);
  process.on('message', (message: ToServer) => {
    switch (message.kind) {
      case 'stop':
        return end();
      case 'fill-log':
        server?.fillLog?.(message.records).then(() => send({ kind: 'filled' }), fail);
        return;
      case 'cpu': {
        const { user, system } = process.cpuUsage();
        send({ kind: 'cpu', microseconds: user + system });
      }
    }
  });
  // Only the benchmark starts these processes.
  const settings = JSON.parse(process.argv[2] ?? '{}') as Settings;
  server = await start(settings, (message) => send({ kind: 'progress', message }));
  if (ending) return end();
  send({ kind: 'ready', url: server.url });
}

/** In the data folder of a measured control plane, for its second node and for filling its tables. */
export const databaseUrlFile = 'database-url';

export function urlOf({ user, password, host, port, database }: OwnerConnection): string {
  return `postgres://${user}:${password}@${host}:${port}/${database}`;
}
