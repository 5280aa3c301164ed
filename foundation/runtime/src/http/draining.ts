import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

interface Connection {
  /** Number of requests on the connection so far. */
  requests: number;
  /** Number of requests without a response. */
  unanswered: number;
}

interface Connections {
  draining: boolean;
  /** Milliseconds since the epoch; an unused connection is kept open until then. */
  freshUntil: number;
  closeIdle(): void;
}

const connectionsOf = new WeakMap<FastifyInstance, Connections>();
/** A client that has just connected is about to send its request. */
const freshMs = 2_000;

/**
 * Tracks a server's connections, so that {@link drain} and {@link closeGently} can distinguish idle connections from new ones.
 * Node closes both when a server closes, which resets clients that have just connected.
 */
export function watchConnections(app: FastifyInstance, secure: boolean): void {
  const server: Server = app.server;
  const connections = new Map<Socket, Connection>();
  const watched: Connections = {
    draining: false,
    freshUntil: 0,
    closeIdle() {
      const now = Date.now();
      for (const [socket, { requests, unanswered }] of connections)
        if (unanswered === 0 && (requests > 0 || now >= watched.freshUntil)) socket.destroy();
    },
  };
  connectionsOf.set(app, watched);
  server.on(secure ? 'secureConnection' : 'connection', (socket: Socket) => {
    connections.set(socket, { requests: 0, unanswered: 0 });
    socket.once('close', () => connections.delete(socket));
  });
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(socket);
    if (connection === undefined) return;
    connection.requests++;
    connection.unanswered++;
    response.once('close', () => {
      connection.unanswered--;
    });
    // Closing the connection makes the client reconnect, possibly to another node.
    if (watched.draining) response.setHeader('connection', 'close');
  });
  server.closeIdleConnections = () => watched.closeIdle();
}

/** From now on every response closes its connection. New connections are still accepted: see {@link closeGently}. */
export function drain(app: FastifyInstance): void {
  const connections = connectionsOf.get(app);
  if (connections !== undefined) connections.draining = true;
}

/**
 * Stops accepting connections and answers all requests, including those on recently accepted connections. A busy connection is
 * closed right after its response instead of at the end of its keep-alive.
 */
export async function closeGently(app: FastifyInstance): Promise<void> {
  drain(app);
  const connections = connectionsOf.get(app);
  if (connections !== undefined) connections.freshUntil = Date.now() + freshMs;
  const sweep = setInterval(() => connections?.closeIdle(), 50);
  try {
    await app.close();
  } finally {
    clearInterval(sweep);
  }
}
