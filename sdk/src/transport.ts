import { CodedError, defined, type ErrorCategory } from '@countersign/kernel';
import { noAnswer } from './no-answer.ts';

/** Limited in size: parsed JSON, text or, on request, a Buffer. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** `DPoP-Nonce` for the next proof to the same server (RFC 9449 section 8.2). */
  readonly dpopNonce?: string;
}

export interface Transport {
  send(request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly binary?: boolean;
  }): Promise<Answer>;
}

const maxBytes = 8 * 1_048_576;

/** With a timeout, a size limit and no redirects, which would leak the token. @throws CodedError of {@link noAnswer} */
export function createTransport(options: { readonly timeoutMs?: number } = {}): Transport {
  const timeoutMs = options.timeoutMs ?? 10_000;
  return {
    async send({ method, url, headers, body, binary }) {
      try {
        const answer = await fetch(url, {
          method,
          headers,
          redirect: 'error',
          signal: AbortSignal.timeout(timeoutMs),
          ...(body === undefined ? {} : { body }),
        });
        const bytes = await readBounded(answer);
        // RFC 6839 section 3.1. JSON Lines contain several documents.
        const isJson = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(answer.headers.get('content-type') ?? '');
        const nonce = answer.headers.get('dpop-nonce');
        const seen = { status: answer.status, ...(nonce === null ? {} : { dpopNonce: nonce }) };
        // Error responses are JSON even if bytes were requested.
        if (binary === true && answer.ok) return { ...seen, body: bytes };
        const text = bytes.toString('utf8');
        return { ...seen, body: isJson ? (JSON.parse(text) as unknown) : text };
      } catch (cause) {
        throw noAnswer(cause, url, `No usable answer from ${new URL(url).origin} within ${timeoutMs} ms.`);
      }
    },
  };
}

async function readBounded(answer: Response): Promise<Buffer> {
  if (answer.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  // The DOM type of a body does not declare the iterator that Node has.
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** From an RFC 9457 problem or an OAuth error (RFC 6749 section 5.2). */
export function refusalOf({ status, body }: Answer): CodedError {
  const members = isObject(body) ? body : {};
  const code = text(members['code']) ?? text(members['error']) ?? 'unexpected_answer';
  const detail =
    text(members['detail']) ??
    text(members['error_description']) ??
    `The control plane answered with status ${status}.`;
  const reason = text(members['reason']);
  // The token endpoint adds the failed rule and, if an approval is missing, the transaction.
  const txn = text(members['txn']);
  const named = reason === undefined ? undefined : { reason, ...(txn === undefined ? {} : { txn }) };
  const facts = isObject(members['facts']) ? members['facts'] : named;
  const category = categories.get(status) ?? (status >= 500 ? 'unavailable' : 'invalid');
  return new CodedError({ code, category, detail, ...defined({ facts }) });
}

const categories: ReadonlyMap<number, ErrorCategory> = new Map([
  [401, 'unauthenticated'],
  [403, 'forbidden'],
  [404, 'not-found'],
  [409, 'conflict'],
  [413, 'too-large'],
  [429, 'rate-limited'],
]);

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
