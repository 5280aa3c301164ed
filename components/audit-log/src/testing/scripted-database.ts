import { createServer, type Socket } from 'node:net';

/** A message of the server (PostgreSQL's manual, "Message Formats"): its letter, its length, and its body. */
export function serverMessage(letter: string, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(5);
  head.write(letter, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** Ready for the next query. */
export const ready = serverMessage('Z', Buffer.from('I'));
/** Accepts every connection. */
export const welcome = Buffer.concat([serverMessage('R', Buffer.alloc(4)), ready]);

/** Fields of an error or a notice. */
export function spoken(text: string): Buffer {
  return Buffer.from(`SERROR\0CXX000\0M${text}\0\0`);
}

/** A scripted server instead of PostgreSQL, which sends what a test tells it to. */
export interface ScriptedDatabase {
  readonly host: string;
  readonly port: number;
  /** The current number of connections. */
  connections(): number;
  close(): Promise<void>;
}

/** @param greeting sent to each new connection @param answer to a query of the simple protocol */
export async function createScriptedDatabase({
  greeting = welcome,
  answer,
}: {
  readonly greeting?: Uint8Array;
  readonly answer: (statement: string, client: Socket) => void;
}): Promise<ScriptedDatabase> {
  const host = '127.0.0.1';
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    client.on('error', () => client.destroy());
    client.on('close', () => clients.delete(client));
    let said = Buffer.alloc(0);
    let greeted = false;
    client.on('data', (piece) => {
      said = Buffer.concat([said, piece]);
      for (;;) {
        // The first message has no letter.
        const head = greeted ? 1 : 0;
        if (said.length < head + 4) return;
        const length = head + said.readInt32BE(head);
        if (said.length < length) return;
        const message = said.subarray(0, length);
        said = said.subarray(length);
        if (!greeted) client.write(greeting);
        else if (message[0] === 'Q'.charCodeAt(0)) answer(message.toString('utf8', 5, length - 1), client);
        greeted = true;
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return {
    host,
    port: address.port,
    connections: () => clients.size,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const client of clients) client.destroy();
      await closed;
    },
  };
}
