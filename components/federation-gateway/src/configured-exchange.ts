import { type ConfiguredDocuments, type ConfiguredExchange, outboundErrors } from '@countersign/contracts';
import { defined, isCodedError } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { Agent, type Dispatcher, request } from 'undici';
import { within } from './within.ts';

export interface ConfiguredExchangeDependencies {
  readonly logger: Logger;
  /** PEM; the system's authorities when left out. */
  readonly authorities?: string;
}

const defaultTimeoutMs = 5_000;
const defaultMaxBytes = 65_536;
/** A witness or an authority may be silent for this long without a new connection. */
const keepAliveMs = 30_000;

/**
 * Internal networks are permitted and connections are kept, because the operator configured the addresses; see the
 * contract.
 */
export function createConfiguredExchange(
  dependencies: ConfiguredExchangeDependencies,
): ConfiguredExchange & ConfiguredDocuments & { stop(): Promise<void> } {
  const { logger, authorities } = dependencies;
  const agent = new Agent({
    connect: {
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ...defined({ ca: authorities }),
    },
    keepAliveTimeout: keepAliveMs,
    connections: 8,
    maxHeaderSize: 16_384,
  });

  async function ask<Result>(
    url: string,
    plainHttp: boolean,
    timeoutMs: number,
    message: Pick<Dispatcher.RequestOptions, 'method' | 'headers' | 'body'>,
    read: (answer: Dispatcher.ResponseData) => Promise<Result>,
  ): Promise<Result> {
    const target = readConfigured(url, plainHttp);
    try {
      return await read(
        await within(timeoutMs, (signal) => request(target, { ...message, dispatcher: agent, signal })),
      );
    } catch (error) {
      if (isCodedError(error)) throw error;
      const internal = `${target.origin}: ${error instanceof Error ? error.message : 'failed'}`;
      logger.debug({ internal }, 'configured exchange failed');
      throw outboundErrors.error('outbound_failed', `The response of ${target.origin} is invalid.`, {
        internal,
        cause: error,
      });
    }
  }

  return {
    exchange(url, message) {
      const { method = 'POST', contentType, body, accept, authorization, plainHttp = false } = message;
      const { timeoutMs = defaultTimeoutMs, maxBytes = defaultMaxBytes } = message;
      const headers = {
        ...(method === 'POST' ? { 'content-type': contentType } : {}),
        'accept-encoding': 'identity',
        ...message.venueHeaders,
        ...defined({ accept, authorization }),
      };
      const sent = { method, headers, body: method === 'POST' ? body : null };
      return ask(url, plainHttp, timeoutMs, sent, async (answer) => {
        const { 'content-type': type } = answer.headers;
        return {
          status: answer.statusCode,
          contentType: typeof type === 'string' ? type : undefined,
          body: await readBounded(answer.body, maxBytes),
        };
      });
    },
    get(url, { plainHttp = false, timeoutMs = defaultTimeoutMs, maxBytes = defaultMaxBytes, authorization } = {}) {
      const headers = { 'accept-encoding': 'identity', ...defined({ authorization }) };
      return ask(url, plainHttp, timeoutMs, { method: 'GET', headers, body: null }, async ({ statusCode, body }) => {
        if (statusCode !== 200) {
          body.on('error', () => undefined).destroy();
          throw new Error(`status ${statusCode}`);
        }
        return readBounded(body, maxBytes);
      });
    },
    stop: () => agent.destroy(),
  };
}

function readConfigured(url: string, plainHttp: boolean): URL {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(target?.hostname ?? '');
  if (
    target === undefined ||
    target.username !== '' ||
    target.password !== '' ||
    (target.protocol !== 'https:' && !(target.protocol === 'http:' && (loopback || plainHttp)))
  )
    throw outboundErrors.error('outbound_address_refused', `${url} is no https address.`);
  return target;
}

async function readBounded(body: AsyncIterable<unknown> & { destroy(): unknown }, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) throw new Error('its body is not bytes');
    size += chunk.length;
    // Leaving the loop ends the connection.
    if (size > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
