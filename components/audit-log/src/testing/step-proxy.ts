import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** The direction of a message between client and database. */
export type Direction = 'asked' | 'answered';

/**
 * A TCP proxy that sees each message to and from a database as it passes. @param onPiece may stop the message by answering
 * false; everything after it on that connection is stopped as well
 */
export async function createStepProxy({
  target,
  onPiece,
}: {
  readonly target: { readonly host: string; readonly port: number };
  readonly onPiece: (direction: Direction) => boolean;
}) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const database = connect(target);
    const pass = (from: Socket, to: Socket, direction: Direction): void => {
      sockets.add(from);
      from.setNoDelay(true);
      let stopped = false;
      from.on('data', (piece) => {
        stopped ||= !onPiece(direction);
        if (!stopped) to.write(piece);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        // Data already sent arrives: a killed process has sent it.
        to.end();
      });
    };
    pass(client, database, 'asked');
    pass(database, client, 'answered');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: '127.0.0.1',
    port,
    cut(): void {
      for (const socket of sockets) socket.destroy();
    },
    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
