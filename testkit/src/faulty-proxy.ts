import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy in front of a real server, usually PostgreSQL, with network faults on demand. */
export interface FaultyProxy {
  readonly host: string;
  readonly port: number;
  through<Connection extends { readonly host: string; readonly port: number }>(connection: Connection): Connection;
  /** Breaks all present connections. New ones work. */
  cut(): void;
  /** Breaks every connection and refuses new ones (ECONNREFUSED). */
  refuse(): Promise<void>;
  /** Keeps all connections open, including new ones, but forwards nothing in either direction. */
  stall(): void;
  /** Silently drops all present connections, as when a firewall forgets them. New ones work. */
  forget(): void;
  /** Forwards requests but loses responses, e.g. of a commit whose outcome the caller never learns. */
  loseAnswers(): void;
  /** Pieces of answers that were lost since `loseAnswers`. */
  readonly lostAnswers: number;
  /** Restores normal operation. Connections with lost responses are broken, because their streams have gaps. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  hole: boolean;
  forgotten: boolean;
}

export async function createFaultyProxy(options: {
  readonly target: { readonly host: string; readonly port: number };
}): Promise<FaultyProxy> {
  const host = '127.0.0.1';
  const pairs = new Set<Pair>();
  let mode: 'pass' | 'stall' | 'lose-answers' = 'pass';
  let lostAnswers = 0;

  const accept = (client: Socket): void => {
    const server = connect({ host: options.target.host, port: options.target.port });
    const pair: Pair = { client, server, hole: false, forgotten: false };
    pairs.add(pair);
    client.setNoDelay(true);
    server.setNoDelay(true);
    client.on('data', (chunk) => server.write(chunk));
    server.on('data', (chunk) => {
      if (mode === 'lose-answers') {
        pair.hole = true;
        lostAnswers++;
      } else client.write(chunk);
    });
    for (const socket of [client, server]) {
      socket.on('error', () => breakPair(pair));
      socket.on('close', () => breakPair(pair));
    }
    if (mode === 'stall') pausePair(pair);
  };
  const breakPair = (pair: Pair): void => {
    pairs.delete(pair);
    pair.client.destroy();
    pair.server.destroy();
  };
  const pausePair = (pair: Pair): void => {
    pair.client.pause();
    pair.server.pause();
  };
  const cut = (): void => {
    for (const pair of pairs) breakPair(pair);
  };

  let listener: Server | undefined = await open(accept, host, 0);
  const address = listener.address();
  if (typeof address !== 'object' || address === null) throw new Error('the proxy has no port');
  const { port } = address;

  const refuse = async (): Promise<void> => {
    const closing = listener;
    listener = undefined;
    const closed = closing === undefined ? undefined : new Promise((resolve) => closing.close(resolve));
    cut();
    await closed;
  };
  return {
    host,
    port,
    through: (connection) => ({ ...connection, host, port }),
    cut,
    refuse,
    stall() {
      mode = 'stall';
      for (const pair of pairs) pausePair(pair);
    },
    forget() {
      for (const pair of pairs) {
        pair.forgotten = true;
        pausePair(pair);
      }
    },
    loseAnswers() {
      mode = 'lose-answers';
      lostAnswers = 0;
    },
    get lostAnswers() {
      return lostAnswers;
    },
    async restore() {
      mode = 'pass';
      for (const pair of pairs) {
        if (pair.forgotten) continue;
        if (pair.hole) breakPair(pair);
        pair.client.resume();
        pair.server.resume();
      }
      listener ??= await open(accept, host, port);
    },
    close: refuse,
  };
}

function open(accept: (client: Socket) => void, host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(accept);
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
  });
}
