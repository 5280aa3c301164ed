import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

interface Connection {
  /** Requests that have begun on it. */
  requests: number;
  /** Those that have no answer yet. */
  unanswered: number;
}

interface Connections {
  draining: boolean;
  /** Milliseconds since the epoch; from then on a connection that has sent nothing is closed too. */
  freshUntil: number;
  closeIdle(): void;
}

const connectionsOf = new WeakMap<FastifyInstance, Connections>();
/** A client that has just connected is about to send its request. */
const freshMs = 2_000;

/**
 * Watches the connections of a server, so that {@link drain} and {@link closeGently} can tell one that is idle from one that has
 * just come. Node closes both when a server is closed, and whoever had connected a moment ago is reset.
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
    // Whoever is answered from now on comes back on another connection, and so to another node.
    if (watched.draining) response.setHeader('connection', 'close');
  });
  server.closeIdleConnections = () => watched.closeIdle();
}

/** From now on each answer is the last on its connection. New connections are still accepted: see {@link closeGently}. */
export function drain(app: FastifyInstance): void {
  const connections = connectionsOf.get(app);
  if (connections !== undefined) connections.draining = true;
}

/**
 * Accepts nothing new and answers what has begun, also on connections that were accepted a moment ago. A connection that was
 * busy is closed when it has its answer, and not waited for until its keep-alive ends.
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
