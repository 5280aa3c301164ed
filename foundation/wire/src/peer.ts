import type { Readable } from 'node:stream';
import { CodedError, type ErrorCategory, isCodedError, isObject } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { type Dispatcher, Pool } from 'undici';
import { callMediaType, callPath, callsMediaType, readAnswerLine } from './call-path.ts';
import { createCallGatherer, type GatheredCall } from './gathered-calls.ts';
import type { PeerCall } from './peer-call.ts';
import { endOf, expired, type ProcessIdentity, requireProcess, wireErrors } from './process-identity.ts';

export interface PeerOptions {
  /** Group of the other process, as in its certificate. */
  readonly name: string;
  /** Its nodes: `https://host:port`. Each call goes to one of them. */
  readonly addresses: readonly string[];
  readonly identity: ProcessIdentity;
  readonly logger: Logger;
  /** Maximum connections to each node, each with one request at a time; 16 when left out. */
  readonly connections?: number;
  /** Maximum number of calls in progress or waiting; 2,048 when left out. */
  readonly mostCalls?: number;
  /** Timeout for the start of the response to a forwarded request, in milliseconds; 40,000 when left out. */
  readonly answerBeginsMs?: number;
}

export interface PassedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** Can be read only once, by the node that responds. */
  readonly body: Readable | null;
  /** Aborted when the client has disconnected. */
  readonly signal: AbortSignal;
}

/** Another process with one or more nodes. */
export interface Peer {
  readonly name: string;
  /**
   * Calls a method and returns the response as JSON text; empty when there is none. A repeatable call is repeated at another node
   * after a share of its time; a command waits for the node that received it.
   *
   * @throws CodedError of the other process; `peer_unavailable` when no node responds in time: the call may have been carried
   * out; `peer_overloaded` when too many calls are waiting; `process_certificate_expired` of either side. Any other error is a
   * bug of the other process.
   */
  call(call: PeerCall): Promise<string>;
  /**
   * Forwards a browser's or client's request, over connections separate from those of calls. Resolves when the response begins.
   *
   * @throws CodedError `peer_unavailable` when no node starts to respond in time: the request may have been carried out
   */
  pass(request: PassedRequest): Promise<Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>>;
  /** Whether one of its nodes currently reports that it is ready. */
  isReady(): Promise<boolean>;
  /** Uses this identity for new connections. Requests in progress finish on their existing connections. */
  renew(identity: ProcessIdentity): void;
  stop(): Promise<void>;
}

const largestAnswer = 64 * 1024 * 1024;
/** Maximum connections to each node for forwarded requests. */
const mostPassing = 1_024;
/** For this time, a node that did not respond is called last; then one call tries it again. */
const shunnedMs = 1_000;
/** Maximum number of shares of a call's time among several nodes. */
const mostShares = 3;

/** Calls over HTTP/1.1 with mutual TLS and persistent connections. See docs/adr/0058 for the measured alternatives. */
export function createPeer({
  name,
  addresses,
  identity,
  logger,
  connections = 16,
  mostCalls = 2_048,
  // Longer than any endpoint waits, and shorter than a listener keeps an idle connection.
  answerBeginsMs = 40_000,
}: PeerOptions): Peer {
  let shown = identity;
  let shownUntil = endOf(identity);
  if (addresses.length === 0) throw new Error(`no address of ${name}`);
  const poolOf = (address: string, most: number): Pool =>
    new Pool(address, {
      connections: most,
      pipelining: 1,
      connect: {
        cert: shown.certificate,
        key: shown.key,
        ca: shown.authorities,
        checkServerIdentity: requireProcess(name),
        rejectUnauthorized: true,
        minVersion: 'TLSv1.3',
        timeout: 2_000,
      },
      // Shorter than on the other side, so that no connection is closed during a call.
      keepAliveTimeout: 30_000,
      keepAliveMaxTimeout: 30_000,
      maxResponseSize: largestAnswer,
      // Each call has its own timeout, which includes the time it waits.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  const nodes = addresses.map((address) => ({
    address,
    /** Whether it failed to respond to the last call. */
    failed: false,
    shunnedUntil: 0,
    pool: poolOf(address, connections),
    // An event stream keeps its connection until its reader disconnects.
    passing: poolOf(address, mostPassing),
  }));
  type Node = (typeof nodes)[number];
  /** Pools with the previous identity. */
  const retiring = new Set<Pool>();
  let next = 0;
  let underWay = 0;
  /** Log each change of availability once. */
  let answers = true;

  /** Round robin; nodes that recently failed come last. */
  function inTurn(): readonly Node[] {
    if (nodes.length === 1) return nodes;
    const first = next++ % nodes.length;
    const turned = [...nodes.slice(first), ...nodes.slice(0, first)];
    const now = performance.now();
    const ordered = [
      ...turned.filter((node) => node.shunnedUntil <= now),
      ...turned.filter((node) => node.shunnedUntil > now),
    ];
    // One call tries whether the node responds again; concurrent calls do not wait for it.
    for (const node of ordered.slice(0, 1)) if (node.failed) node.shunnedUntil = now + shunnedMs;
    return ordered;
  }

  function heard(node: Node): void {
    node.failed = false;
    node.shunnedUntil = 0;
  }

  function unheard(node: Node): void {
    node.failed = true;
    node.shunnedUntil = performance.now() + shunnedMs;
  }

  async function ask(node: Node, call: PeerCall, signal: AbortSignal): Promise<string> {
    const { statusCode, body } = await node.pool.request({
      path: callPath(call),
      method: 'POST',
      headers: { 'content-type': callMediaType },
      body: call.body,
      signal,
    });
    const text = await body.text();
    // Sent before there was a request (RFC 9110 section 15.5.9), so it concerns the connection and not the component.
    if (statusCode === 408) throw new Error('the request did not arrive in time');
    heard(node);
    if (statusCode === 200) return text;
    if (statusCode === 204) return '';
    throw errorOf(statusCode, text, `${name}: ${call.contract}.${call.method}`);
  }

  /**
   *
   * @param shareMs share of the call's time; all of the remaining time when left out
   */
  async function askFor(node: Node, call: PeerCall, signal: AbortSignal, shareMs?: number): Promise<string> {
    if (shareMs === undefined) return ask(node, call, signal);
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), shareMs);
    try {
      return await ask(node, call, AbortSignal.any([signal, over.signal]));
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Several calls of one method in one request. Each is settled when its response arrives; unanswered calls are repeated singly
   * if they are repeatable.
   */
  async function askTogether(gathered: readonly GatheredCall[]): Promise<void> {
    const [first] = gathered;
    if (first === undefined) return;
    if (gathered.length === 1) return settle(first, askInTime(first));
    const open = new Map(gathered.entries());
    const late = new AbortController();
    // If another node can be asked, do not spend all the time on this one.
    const mayAskAnother = first.call.repeatable && nodes.length > 1;
    const shareMs = mayAskAnother ? timeLeft(first) / Math.min(nodes.length, mostShares) : timeLeft(first);
    const timer = setTimeout(() => late.abort(), shareMs);
    const [node] = inTurn();
    try {
      if (node === undefined) throw new Error(`no address of ${name}`);
      await answersTo(gathered, open, { node, signal: late.signal });
    } catch (error) {
      if (node !== undefined && !isCodedError(error)) unheard(node);
      for (const each of open.values()) {
        if (isCodedError(error) || error instanceof PeerFault) each.reject(error);
        else if (late.signal.aborted && !mayAskAnother) each.reject(new LateAnswer());
        else if (each.call.repeatable || neverSent(error)) void settle(each, askInTime(each));
        else each.reject(error);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async function answersTo(
    gathered: readonly GatheredCall[],
    open: Map<number, GatheredCall>,
    { node, signal }: { readonly node: Node; readonly signal: AbortSignal },
  ): Promise<void> {
    // Exactly one call, as checked.
    const [{ call }] = gathered as readonly [GatheredCall];
    const what = `${name}: ${call.contract}.${call.method}`;
    const { statusCode, body } = await node.pool.request({
      path: callPath(call),
      method: 'POST',
      headers: { 'content-type': callsMediaType },
      body: gathered.map((each) => each.call.body).join('\n'),
      signal,
    });
    if (statusCode === 408) throw new Error('the request did not arrive in time');
    heard(node);
    if (statusCode !== 200) throw errorOf(statusCode, await body.text(), what);
    const onLine = (line: string): void => {
      const answer = readAnswerLine(line);
      const asked = answer && open.get(answer.place);
      if (answer === undefined || asked === undefined) throw new PeerFault(`${what} answered what was not asked`);
      open.delete(answer.place);
      const { status, text } = answer;
      if (status === 200 || status === 204) asked.resolve(text);
      else asked.reject(errorOf(status, text, what));
    };
    let rest = '';
    body.setEncoding('utf8');
    // The encoding is set, so the parts are text.
    for await (const part of body as AsyncIterable<string>) {
      const lines = `${rest}${part}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    }
    if (open.size > 0) throw new Error('the answer ended before all calls were answered');
  }

  async function settle(gathered: GatheredCall, answer: Promise<string>): Promise<void> {
    gathered.resolve(answer);
    await answer.catch(() => undefined);
  }

  async function askInTime({ call, since }: Pick<GatheredCall, 'call' | 'since'>): Promise<string> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeLeft({ call, since }));
    try {
      return await askSome(call, late.signal, performance.now() + timeLeft({ call, since }));
    } catch (error) {
      throw late.signal.aborted && !isCodedError(error) ? new LateAnswer() : error;
    } finally {
      clearTimeout(timer);
    }
  }

  const gather = createCallGatherer(askTogether);

  async function askSome(call: PeerCall, signal: AbortSignal, deadline: number): Promise<string> {
    const turn = inTurn();
    let failure: unknown;
    for (const [index, node] of turn.entries()) {
      const left = deadline - performance.now();
      const others = turn.length - index - 1;
      const shareMs = call.repeatable && others > 0 ? left / Math.min(others + 1, mostShares) : undefined;
      // A connection that the other side had already closed indicates nothing about the node.
      for (let attempt = 0; attempt < 2; attempt++) {
        try {
          return await askFor(node, call, signal, shareMs);
        } catch (error) {
          if (isCodedError(error) || error instanceof PeerFault) throw error;
          failure = error;
          unheard(node);
          if (signal.aborted || !(call.repeatable || neverSent(error))) throw error;
          if (neverSent(error) || isAbort(error)) break;
        }
      }
    }
    throw failure;
  }

  async function passSome({ signal: gone, ...request }: PassedRequest) {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), answerBeginsMs);
    let failure: unknown;
    try {
      for (const node of inTurn())
        try {
          const answer = await node.passing.request({ ...request, signal: AbortSignal.any([gone, late.signal]) });
          heard(node);
          return answer;
        } catch (error) {
          failure = error;
          if (gone.aborted) throw error;
          unheard(node);
          // This node has consumed the body, which cannot be read again.
          if (!neverSent(error) || request.body !== null) throw error;
        }
      throw failure;
    } finally {
      clearTimeout(timer);
    }
  }

  /** A peer that refuses an expired certificate only closes the connection, so check our own first. */
  function requireCurrent(): void {
    if (Date.now() > shownUntil) throw expired('this process');
  }

  function retire(pool: Pool): void {
    retiring.add(pool);
    const gone = (): void => void retiring.delete(pool);
    void pool.close().then(gone, gone);
  }

  return {
    name,
    async pass(request) {
      requireCurrent();
      try {
        return await passSome(request);
      } catch (error) {
        if (isExpired(error)) throw expired(`the ${name} process`);
        throw wireErrors.error('peer_unavailable', `The ${name} process does not answer; nothing was released.`, {
          internal: `${request.method}: ${String(error)}`,
          cause: error,
        });
      }
    },
    async call(call) {
      requireCurrent();
      if (underWay >= mostCalls)
        throw wireErrors.error(
          'peer_overloaded',
          `The ${name} process has too many pending requests. Try again in a moment.`,
        );
      underWay++;
      try {
        const answer = await (call.gathered === true ? gather(call) : askInTime({ call, since: performance.now() }));
        if (!answers) logger.info({ peer: name }, 'another process answers again');
        answers = true;
        return answer;
      } catch (error) {
        if (isCodedError(error) || error instanceof PeerFault) throw error;
        const internal = `${call.contract}.${call.method}: ${error instanceof LateAnswer ? 'no answer in time' : String(error)}`;
        if (answers) logger.warn({ peer: name, internal }, 'another process does not answer');
        answers = false;
        if (isExpired(error)) throw expired(`the ${name} process`);
        throw wireErrors.error('peer_unavailable', `The ${name} process does not answer; nothing was released.`, {
          internal,
          cause: error,
        });
      } finally {
        underWay--;
      }
    },
    async isReady() {
      const answers = await Promise.all(
        nodes.map(async ({ pool }) => {
          try {
            const signal = AbortSignal.timeout(2_000);
            const { statusCode, body } = await pool.request({ path: '/readyz', method: 'GET', signal });
            await body.dump();
            return statusCode === 200;
          } catch {
            return false;
          }
        }),
      );
      return answers.includes(true);
    },
    renew(renewed) {
      shownUntil = endOf(renewed);
      shown = renewed;
      for (const node of nodes) {
        retire(node.pool);
        retire(node.passing);
        node.pool = poolOf(node.address, connections);
        node.passing = poolOf(node.address, mostPassing);
      }
    },
    async stop() {
      const pools = nodes.flatMap(({ pool, passing }) => [pool, passing]);
      await Promise.all([...pools, ...retiring].map((pool) => pool.destroy()));
    },
  };
}

/** An uncoded error of the other process, which is a bug. */
class PeerFault extends Error {}

/** The caller's time is over. */
class LateAnswer extends Error {}

/** Remaining time until the caller gives up, in milliseconds. */
function timeLeft({ call, since }: Pick<GatheredCall, 'call' | 'since'>): number {
  return Math.max(0, since + call.timeoutMs - performance.now());
}

const expiredCode = 'CERT_HAS_EXPIRED';
const unsentCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT', expiredCode]);

function neverSent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && unsentCodes.has(String(error.code));
}

function isExpired(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === expiredCode;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

const categories: Readonly<Record<number, ErrorCategory>> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  413: 'too-large',
  429: 'rate-limited',
  503: 'unavailable',
};

/** The other process's refusal (RFC 9457). */
function errorOf(status: number, text: string, what: string): Error {
  const category = categories[status];
  const problem = readProblem(text);
  if (category === undefined || problem === undefined) return new PeerFault(`${what} failed with status ${status}`);
  return new CodedError({ ...problem, category });
}

function readProblem(text: string) {
  try {
    const { code, detail, facts }: Record<string, unknown> = JSON.parse(text);
    if (typeof code !== 'string' || typeof detail !== 'string') return undefined;
    return { code, detail, ...(isObject(facts) ? { facts } : {}) };
  } catch {
    return undefined;
  }
}
