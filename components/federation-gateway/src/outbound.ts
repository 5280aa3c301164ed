import {
  type Outbound,
  type OutboundForm,
  outboundErrors,
  type SignatureFields,
  signatureFields,
} from '@countersign/contracts';
import { defined, isCodedError, parseJson } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { Agent, type Dispatcher, request } from 'undici';
import { guardedLookup, type Resolve, readTarget, systemResolve } from './outbound-target.ts';
import { within } from './within.ts';

export interface OutboundDependencies {
  readonly environment: 'development' | 'production';
  readonly logger: Logger;
  /** PEM; the system's authorities when left out. */
  readonly authorities?: string;
  /** Instead of the system's resolver. */
  readonly resolve?: Resolve;
}

const defaultTimeoutMs = 3_000;
const defaultMaxBytes = 65_536;

/** For addresses that others have written; see the contract. */
export function createOutbound(dependencies: OutboundDependencies): Outbound & OutboundForm {
  const { logger, resolve = systemResolve, authorities } = dependencies;
  const rules = { loopback: dependencies.environment === 'development' };
  const agent = new Agent({
    connect: {
      lookup: guardedLookup(resolve, rules),
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ...defined({ ca: authorities }),
    },
    // A connection held open would outlive the check of its address.
    pipelining: 0,
    maxHeaderSize: 16_384,
  });

  async function send<Result>(
    url: string,
    message: { readonly method: 'GET' | 'POST'; readonly headers: Record<string, string>; readonly body?: string },
    timeoutMs: number,
    read: (answer: Dispatcher.ResponseData) => Promise<Result>,
  ): Promise<Result> {
    const target = readTarget(url, rules);
    try {
      const answer = await within(timeoutMs, (signal) =>
        request(target, {
          ...message,
          dispatcher: agent,
          headers: { 'accept-encoding': 'identity', ...message.headers },
          signal,
        }),
      );
      if (answer.statusCode >= 300 && answer.statusCode < 400) return await refuse(answer, 'it redirects');
      return await read(answer);
    } catch (error) {
      // Thrown by the look-up, before any connection.
      if (isCodedError(error)) throw error;
      const internal = `${target.origin}: ${error instanceof Error ? error.message : 'failed'}`;
      logger.debug({ internal }, 'outbound request failed');
      throw outboundErrors.error('outbound_failed', 'The response of the address is invalid.', {
        internal,
        cause: error,
      });
    }
  }

  return {
    getJson(url, { timeoutMs = defaultTimeoutMs, maxBytes = defaultMaxBytes } = {}) {
      const headers = { accept: 'application/json, application/jwk-set+json' };
      return send(url, { method: 'GET', headers }, timeoutMs, async (answer) => {
        if (answer.statusCode !== 200) return refuse(answer, `status ${answer.statusCode}`);
        return readJson(answer, maxBytes);
      });
    },
    postForm(url, form, { timeoutMs = defaultTimeoutMs, maxBytes = defaultMaxBytes } = {}) {
      const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
      return send(
        url,
        { method: 'POST', headers, body: new URLSearchParams(form).toString() },
        timeoutMs,
        async (answer) => ({
          status: answer.statusCode,
          body: await readJson(answer, maxBytes),
        }),
      );
    },
    post(url, { contentType, body, authorization, headers: signature = {}, timeoutMs = defaultTimeoutMs }) {
      const headers = {
        ...signatureOf(signature),
        'content-type': contentType,
        // RFC 8935 section 2.1: errors are requested as JSON.
        ...(contentType === 'application/secevent+jwt' ? { accept: 'application/json' } : {}),
        ...defined({ authorization }),
      };
      return send(url, { method: 'POST', headers, body }, timeoutMs, async (answer) => {
        // The rest of the answer is not read.
        answer.body.on('error', () => undefined).destroy();
        return { status: answer.statusCode };
      });
    },
  };
}

function signatureOf(given: SignatureFields): Readonly<Record<string, string>> {
  return Object.fromEntries(
    signatureFields.flatMap((name) => {
      const value = given[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

async function readJson(answer: Dispatcher.ResponseData, maxBytes: number): Promise<unknown> {
  if (!isJson(answer.headers)) return refuse(answer, 'it does not say that it is JSON');
  const text = await readText(answer, maxBytes);
  const parsed = parseJson(text, { maxLength: maxBytes });
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

function isJson(headers: Dispatcher.ResponseData['headers']): boolean {
  const { 'content-type': type, 'content-encoding': encoding = 'identity' } = headers;
  return (
    typeof type === 'string' && /^application\/(?:json|[\w.-]+\+json)\s*(?:;|$)/i.test(type) && encoding === 'identity'
  );
}

async function readText(answer: Dispatcher.ResponseData, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    if (!(chunk instanceof Uint8Array)) throw new Error('its body is not bytes');
    size += chunk.length;
    if (size > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
    chunks.push(Buffer.from(chunk));
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
}

async function refuse(answer: Dispatcher.ResponseData, why: string): Promise<never> {
  answer.body.on('error', () => undefined).destroy();
  throw new Error(why);
}
