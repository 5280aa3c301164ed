import { once } from 'node:events';
import { Agent, type IncomingHttpHeaders, request as requestPlainly } from 'node:http';
import { request as requestOverTls, Agent as TlsAgent } from 'node:https';

/** A request sent unchanged: no header is added, joined or left out except those that HTTP itself needs. */
export interface WireRequest {
  readonly method: string;
  readonly url: string;
  /** A list is sent as several lines of the header. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** On a separate connection, which the server may close without notice. */
  readonly alone?: boolean;
  /** The source address on this machine: on Linux each of 127.0.0.0/8 is one. */
  readonly from?: string;
  /** On a connection of its own, with a client certificate if one is given. */
  readonly tls?: {
    readonly authorities: string;
    readonly certificatePem?: string;
    readonly privateKeyPem?: string;
  };
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Members of a JSON object; none if the body is something else. */
  readonly members: Readonly<Record<string, unknown>>;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

export async function send({
  method,
  url,
  headers = {},
  body,
  alone = false,
  from,
  tls,
}: WireRequest): Promise<WireAnswer> {
  const lines: Record<string, string | string[]> = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
  // By default, Node sends the body of a DELETE without its length.
  if (body !== undefined) lines['content-length'] = String(Buffer.byteLength(body));
  const request =
    tls === undefined
      ? requestPlainly(url, {
          method,
          headers: lines,
          agent: alone ? new Agent({ keepAlive: false }) : agent,
          ...(from === undefined ? {} : { localAddress: from }),
        })
      : requestOverTls(url, {
          method,
          headers: lines,
          agent: new TlsAgent({ keepAlive: false }),
          ca: tls.authorities,
          ...(tls.certificatePem === undefined ? {} : { cert: tls.certificatePem, key: tls.privateKeyPem }),
        });
  const answered = once(request, 'response');
  // A server that refuses a body while it is still being sent may close the connection after its response.
  request.on('error', () => undefined);
  request.end(body);
  const [response] = await answered;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  return { status: response.statusCode, headers: response.headers, body: text, members: membersOf(text) };
}

function membersOf(text: string): Readonly<Record<string, unknown>> {
  if (!text.startsWith('{')) return {};
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === 'object' && parsed !== null ? Object.fromEntries(Object.entries(parsed)) : {};
}
