import { request } from 'node:http';
import { connect, type Socket } from 'node:net';

/** A frame of server-sent events, as a browser would parse it (HTML Living Standard section 9.2.6). */
export interface Frame {
  readonly id?: string;
  readonly event?: string;
  readonly data?: string;
  readonly comment?: string;
}

export interface StreamReader {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  /** The next frame; undefined when the stream has ended properly. @throws when it was cut off */
  next(): Promise<Frame | undefined>;
  /** Non-empty frames, until there are as many events. */
  events(count: number): Promise<readonly Frame[]>;
  /** Everything until the end. */
  rest(): Promise<readonly Frame[]>;
  leave(): void;
}

export function openStream(url: string, headers: Readonly<Record<string, string>>): Promise<StreamReader> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers, agent: false }, (answer) => {
      answer.setEncoding('utf8');
      const frames = framesOf(answer);
      const next = async (): Promise<Frame | undefined> => {
        const frame = await frames.next();
        return frame.done === true ? undefined : frame.value;
      };
      resolve({
        status: answer.statusCode ?? 0,
        headers: answer.headers,
        next,
        async events(count) {
          const found: Frame[] = [];
          while (found.length < count) {
            const frame = await next();
            if (frame === undefined) throw new Error(`the stream ended after ${found.length} events`);
            if (frame.data !== undefined) found.push(frame);
          }
          return found;
        },
        async rest() {
          const found: Frame[] = [];
          for (let frame = await next(); frame !== undefined; frame = await next()) found.push(frame);
          return found;
        },
        leave: () => asked.destroy(),
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function* framesOf(answer: AsyncIterable<string>): AsyncGenerator<Frame> {
  let text = '';
  for await (const chunk of answer) {
    const parts = (text + chunk).split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts)
      yield Object.fromEntries(
        part.split('\n').map((line) => {
          const colon = line.indexOf(':');
          return [colon === 0 ? 'comment' : line.slice(0, colon), line.slice(colon + 1).trimStart()];
        }),
      );
  }
}

/** Requests a stream and reads nothing of the response. */
export function openAndIgnore(url: string, headers: Readonly<Record<string, string>>): Promise<Socket> {
  const { hostname, port, pathname, search } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      socket.pause();
      const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`GET ${pathname}${search} HTTP/1.1\r\nhost: x\r\n${fields.join('')}\r\n`, () => resolve(socket));
    });
    socket.on('error', reject);
  });
}
