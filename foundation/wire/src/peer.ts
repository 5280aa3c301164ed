import type { Readable } from 'node:stream';
import { CodedError, type ErrorCategory, isCodedError } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { type Dispatcher, Pool } from 'undici';
import { callMediaType, callPath, callsMediaType, readAnswerLine } from './call-path.ts';
import { createCallGatherer, type GatheredCall } from './gathered-calls.ts';
import type { PeerCall } from './peer-call.ts';
import { endOf, expired, type ProcessIdentity, requireProcess, wireErrors } from './process-identity.ts';

export interface PeerOptions {
  /** Group of the other process, as its certificate names it. */
  readonly name: string;
  /** Its nodes: `https://host:port`. Each call goes to one of them. */
  readonly addresses: readonly string[];
  readonly identity: ProcessIdentity;
  readonly logger: Logger;
  /** Connections to each node, each with one request at a time; 16 when left out. */
  readonly connections?: number;
  /** Calls that may be under way or wait; 2,048 when left out. */
  readonly mostCalls?: number;
  /** Until the answer to a request that is passed on must have begun, in milliseconds; 40,000 when left out. */
  readonly answerBeginsMs?: number;
}

/** A request as it came from somebody else. */
export interface PassedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** Read once, by the node that answers. */
  readonly body: Readable | null;
  /** Whoever asked is gone. */
  readonly signal: AbortSignal;
}

/** Another process, wherever its nodes are. */
export interface Peer {
  readonly name: string;
  /**
   * Asks, and gives the answer as JSON text; empty where there is none. Of several nodes, what may be repeated is asked of another one
   * after a share of its time; a command waits for the one that has it.
   *
   * @throws CodedError as the other process said it; `peer_unavailable` when none of its nodes answers in time: what was asked may have
   *   been done; `peer_overloaded` when too much waits already; `process_certificate_expired` of either side. Any other error is a fault of the other process.
   */
  call(call: PeerCall): Promise<string>;
  /**
   * Passes on a request of a browser or a client, by connections that calls do not wait for. Resolves when the answer begins.
   *
   * @throws CodedError `peer_unavailable` when no node begins to answer in time: what was asked may have been done
   */
  pass(request: PassedRequest): Promise<Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>>;
  /** Whether one of its nodes says that it is ready, asked now. */
  isReady(): Promise<boolean>;
  /** From now on connections are made with this. What is under way ends on those that it has. */
  renew(identity: ProcessIdentity): void;
  stop(): Promise<void>;
}

const largestAnswer = 64 * 1024 * 1024;
/** Connections to each node with requests that are passed on. */
const mostPassing = 1_024;
/** For so long a node that did not answer is asked last; then one call finds out. */
const shunnedMs = 1_000;
/** Into so many parts at most the time of a call is divided that several nodes could answer. */
const mostShares = 3;

/** Calls over HTTP/1.1 with mutual TLS, by connections that stay open. See docs/adr/0058 for what else was measured. */
export function createPeer({
  name,
  addresses,
  identity,
  logger,
  connections = 16,
  mostCalls = 2_048,
  // Longer than anything takes that a door waits for, and less than a listener keeps a connection on which nothing is said.
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
      // Less than the other side keeps them, so that none is closed under a call.
      keepAliveTimeout: 30_000,
      keepAliveMaxTimeout: 30_000,
      maxResponseSize: largestAnswer,
      // A call has a time of its own, which counts while it waits as well.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  const nodes = addresses.map((address) => ({
    address,
    /** It did not answer when it was last asked. */
    failed: false,
    shunnedUntil: 0,
    pool: poolOf(address, connections),
    // A stream of events keeps its connection for as long as its reader stays.
    passing: poolOf(address, mostPassing),
  }));
  type Node = (typeof nodes)[number];
  /** Made with what was shown before. */
  const retiring = new Set<Pool>();
  let next = 0;
  let underWay = 0;
  /** What is said of it is said once, until it changes. */
  let answers = true;

  /** In turn; whoever has not answered lately comes last. */
  function inTurn(): readonly Node[] {
    if (nodes.length === 1) return nodes;
    const first = next++ % nodes.length;
    const turned = [...nodes.slice(first), ...nodes.slice(0, first)];
    const now = performance.now();
    const ordered = [
      ...turned.filter((node) => node.shunnedUntil <= now),
      ...turned.filter((node) => node.shunnedUntil > now),
    ];
    // One call finds out whether it answers again; those beside it do not wait for that.
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
    // Said before there was a request (RFC 9110 section 15.5.9): of the connection, and not of the component.
    if (statusCode === 408) throw new Error('the request did not arrive in time');
    heard(node);
    if (statusCode === 200) return text;
    if (statusCode === 204) return '';
    throw errorOf(statusCode, text, `${name}: ${call.contract}.${call.method}`);
  }

  /** @param shareMs of the call's time; all that there is when left out */
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

  /** Several of one method, in one request. Each is settled when its answer comes; what nobody answered is asked again alone, if it may be. */
  async function askTogether(gathered: readonly GatheredCall[]): Promise<void> {
    const [first] = gathered;
    if (first === undefined) return;
    if (gathered.length === 1) return settle(first, askInTime(first));
    const open = new Map(gathered.entries());
    const late = new AbortController();
    // What another node can be asked does not spend all its time on this one.
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
      // A connection that had been closed from the other side meanwhile tells nothing about the node.
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
          // A body has been given to this node, and cannot be read again.
          if (!neverSent(error) || request.body !== null) throw error;
        }
      throw failure;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whoever lets nobody in whose certificate has ended does not say so: it closes the connection. */
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
        throw wireErrors.error('peer_overloaded', `Too much waits for the ${name} process; try again in a moment.`);
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

/** Something went wrong over there that has no code: a fault of ours, as it would be here. */
class PeerFault extends Error {}

/** The caller has given up. */
class LateAnswer extends Error {}

/** Until the caller gives up, in milliseconds. */
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

/** What the other process refused, as it said it (RFC 9457). */
function errorOf(status: number, text: string, what: string): Error {
  const category = categories[status];
  const problem = readProblem(text);
  if (category === undefined || problem === undefined) return new PeerFault(`${what} failed with status ${status}`);
  return new CodedError({ ...problem, category });
}

function readProblem(text: string) {
  try {
    const { code, detail, facts } = JSON.parse(text) as Record<string, unknown>;
    if (typeof code !== 'string' || typeof detail !== 'string') return undefined;
    return { code, detail, ...(isObject(facts) ? { facts } : {}) };
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
