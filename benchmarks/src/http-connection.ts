import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectByTls } from 'node:tls';
import { CodedError } from '@countersign/kernel';

export interface Answer {
  readonly status: number;
  readonly body: string;
  /** Status line and headers, as they came. */
  readonly head: string;
}

/**
 * A keep-alive connection with one request in flight. It is a bare socket, because the client shares the machine with the
 * measured server and must be cheap.
 */
export interface Connection {
  /** @throws CodedError `benchmark_connection`, `benchmark_answer` when the answer cannot be read */
  ask(request: Buffer): Promise<Answer>;
  close(): void;
}

/** The client certificate of a TLS handshake. PEM. */
export interface ClientIdentity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** @param identity for `https:` */
export async function openConnection(name: string, url: string, identity?: ClientIdentity): Promise<Connection> {
  const { protocol, hostname, port } = new URL(url);
  const isSecure = protocol === 'https:';
  const address = { host: hostname, port: Number(port), noDelay: true };
  // The server is our own child process with a self-signed certificate.
  const socket = isSecure
    ? connectByTls({ ...address, ...tlsOf(identity), rejectUnauthorized: false })
    : connect(address);
  await once(socket, isSecure ? 'secureConnect' : 'connect');
  const reader = createAnswerReader();
  let waiting: { readonly resolve: (answer: Answer) => void; readonly reject: (error: unknown) => void } | undefined;
  let broken: Error | undefined;
  const fail = (error: Error): void => {
    broken ??= error;
    waiting?.reject(error);
    waiting = undefined;
  };
  socket.on('data', (chunk) => {
    try {
      const answer = reader.push(chunk);
      if (answer === undefined) return;
      const asked = waiting;
      waiting = undefined;
      asked?.resolve(answer);
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error)));
    }
  });
  socket.on('error', (error) => fail(connectionBroken(name, error.message)));
  socket.on('close', () => fail(connectionBroken(name, 'a connection was closed')));
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        if (broken !== undefined) return reject(broken);
        waiting = { resolve, reject };
        socket.write(request);
      }),
    close() {
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.destroy();
    },
  };
}

function tlsOf(identity: ClientIdentity | undefined) {
  return identity === undefined ? {} : { cert: identity.certificatePem, key: identity.privateKeyPem };
}

/** A request as bytes, for servers that keep the connection open. */
export function httpRequest(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Buffer {
  const { host, pathname, search } = new URL(url);
  const lines = Object.entries({ host, ...headers, 'content-length': String(Buffer.byteLength(body)) });
  return Buffer.from(
    `${method} ${pathname}${search} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
}

/** Every value of a header, in order. */
export function headersOf({ head }: Pick<Answer, 'head'>, name: string): readonly string[] {
  const start = `${name.toLowerCase()}:`;
  return head.split('\r\n').flatMap((line) => {
    return line.toLowerCase().startsWith(start) ? [line.slice(start.length).trim()] : [];
  });
}

/** Reads the answers of one connection. Supports only answers with a length. */
export function createAnswerReader(): { push(chunk: Buffer): Answer | undefined } {
  let held: Buffer = Buffer.alloc(0);
  return {
    push(chunk) {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const headEnd = held.indexOf('\r\n\r\n');
      if (headEnd === -1) return undefined;
      const head = held.toString('latin1', 0, headEnd);
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
      // An answer without content may omit its length (RFC 9110 section 8.6).
      const length = status === 204 ? 0 : Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1]);
      if (Number.isNaN(status) || Number.isNaN(length))
        throw new CodedError({
          code: 'benchmark_answer',
          category: 'invalid',
          detail: 'An answer has no status or no content-length; the load generator cannot read it.',
        });
      const end = headEnd + 4 + length;
      if (held.length < end) return undefined;
      const body = held.toString('utf8', headEnd + 4, end);
      held = held.subarray(end);
      return { status, body, head };
    },
  };
}

/** @throws CodedError `benchmark_answer` if there is a complaint about the answer */
export function requireSuccess(name: string, answer: Answer, complaint: string | undefined): void {
  if (complaint !== undefined) throw unsuccessful(name, answer, complaint);
}

/** The error for an answer that is not a success. */
export function unsuccessful(name: string, { status, body }: Answer, complaint: string): CodedError {
  // The body of a success may contain a token.
  const text = body.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
  const said = status < 300 ? '' : `: ${text.trim().slice(0, 300)}`;
  return new CodedError({
    code: 'benchmark_answer',
    category: 'invalid',
    detail: `${name} answered ${status}, ${complaint}${said}. Nothing is reported, because figures of failing requests are meaningless.`,
  });
}

export function connectionBroken(name: string, what: string): CodedError {
  return new CodedError({ code: 'benchmark_connection', category: 'unavailable', detail: `${name}: ${what}.` });
}
