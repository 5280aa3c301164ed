/** What a server process tells the one that measures it. */
export type FromServer =
  | { readonly kind: 'progress'; readonly message: string }
  | { readonly kind: 'ready'; readonly url: string }
  | { readonly kind: 'cpu'; readonly microseconds: number };

export type ToServer = 'cpu' | 'stop';

export interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

/** Settings of the two servers that ours is compared with. */
export interface BaselineSettings {
  readonly clients: readonly { readonly id: string; readonly jwk: Readonly<Record<string, string>> }[];
  readonly resource: string;
  readonly scope: string;
}

/**
 * Runs a server in a child process of the benchmark: answers with the CPU time it has used, stops when asked to and
 * when the benchmark is gone.
 */
export async function runMeasured<Settings>(
  start: (settings: Settings, onProgress: (message: string) => void) => Promise<Server>,
): Promise<void> {
  const tell = (message: FromServer): void => void process.send?.(message);
  // Ctrl-C reaches the whole group; the benchmark stops us in its turn.
  process.on('SIGINT', () => undefined);
  let server: Server | undefined;
  let ending = false;
  const end = (): void => {
    ending = true;
    if (server === undefined) return;
    // The last act of the process: nothing waits for its outcome.
    void server.stop().finally(() => process.exit(0));
  };
  process.on('disconnect', end);
  process.on('message', (message: ToServer) => {
    if (message === 'stop') return end();
    const { user, system } = process.cpuUsage();
    tell({ kind: 'cpu', microseconds: user + system });
  });
  // Ours to read: the benchmark, and nobody else, starts these processes.
  const settings = JSON.parse(process.argv[2] ?? '{}') as Settings;
  server = await start(settings, (message) => tell({ kind: 'progress', message }));
  if (ending) return end();
  tell({ kind: 'ready', url: server.url });
}
