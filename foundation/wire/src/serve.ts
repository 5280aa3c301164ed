import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { declaresRefusal, type Remote, type RemoteContract, remoteCalls } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { type Logger, type Metrics, problemOf } from '@countersign/runtime';
import { callMediaType, callsMediaType, maxBatched, readCallPath, writeAnswerLine } from './call-path.ts';
import { codecOf } from './codec.ts';
import { expired, hasEnded, processAt, wireErrors } from './process-identity.ts';
import { encodingErrors } from './wire-forms.ts';

/** The components of this process that others may call, by contract. */
export type Offered = { readonly [Name in RemoteContract]?: Remote<Name> };

/** Whether a process may call a method: asked at every call. */
export type MayCall = (process: string, contract: string, method: string) => boolean;

export interface ServedCalls {
  readonly offered: Offered;
  readonly mayCall: MayCall;
  /** Further restricts the arguments of calls that {@link MayCall} allows; no restriction when left out. */
  readonly mayAsk?: (process: string, contract: string, method: string, values: readonly unknown[]) => boolean;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'observeRequest'>;
  /** Called for each forbidden call before it is refused; the method may not exist. */
  readonly onRefused: (refused: { readonly process: string; readonly call: string }) => Promise<void>;
  /** Concurrent calls of one process; 1,024 when left out. */
  readonly mostCalls?: number;
}

interface Served {
  /** @param permit throws for forbidden calls */
  readonly answer: (text: string, permit: (values: readonly unknown[]) => Promise<void>) => Promise<string>;
}

const largestCall = 8 * 1024 * 1024;

/**
 * Serves calls of other processes, for a listener that requires certificates of the installation's own authority. Only the
 * certificate identifies the caller.
 *
 * Calls are answered without a framework, whose share of a short call would be the largest: see docs/adr/0058.
 *
 * @returns what answers a request; undefined for a request that is no call
 */
export function serveCalls({
  offered,
  mayCall,
  mayAsk = () => true,
  logger,
  metrics,
  onRefused,
  mostCalls = 1_024,
}: ServedCalls): (request: IncomingMessage) => RequestListener | undefined {
  const served = new Map<string, Served>();
  // Only contracts can be offered.
  for (const contract of Object.keys(offered) as RemoteContract[]) {
    const component: Readonly<Record<string, unknown>> = { ...offered[contract] };
    for (const method of Object.keys(remoteCalls[contract])) {
      const implementation = component[method];
      if (typeof implementation !== 'function') throw new Error(`${contract} does not have ${method}`);
      const codec = codecOf(contract, method);
      served.set(`${contract}/${method}`, {
        async answer(text, permit) {
          const values = codec.readArguments(text);
          await permit(values);
          try {
            return codec.writeAnswer(await Reflect.apply(implementation, offered[contract], values));
          } catch (error) {
            if (!isCodedError(error) || declaresRefusal(contract, method, error)) throw error;
            throw new Error(`${contract}.${method} does not declare ${error.code} as ${error.category}`, {
              cause: error,
            });
          }
        },
      });
    }
  }
  const underWay = new Map<string, number>();

  async function refuse(process: string | undefined, call: string): Promise<never> {
    await onRefused({ process: process ?? 'unknown', call });
    throw wireErrors.error('call_not_permitted', `The process ${process ?? ''} may not call ${call}.`);
  }

  /** Undefined when the answers were sent one by one. */
  async function answerOf(
    request: IncomingMessage,
    response: ServerResponse,
    { contract, method }: { readonly contract: string; readonly method: string },
  ): Promise<string | undefined> {
    const name = `${contract}/${method}`;
    const process = processAt(request.socket);
    if (process === undefined && hasEnded(request.socket)) throw expired('the process that calls');
    if (process === undefined || !mayCall(process, contract, method)) return refuse(process, name);
    const call = served.get(name);
    if (call === undefined) throw wireErrors.error('call_unknown', `This process does not serve ${name}.`);
    const type = request.headers['content-type'];
    if (type !== callMediaType && type !== callsMediaType)
      throw encodingErrors.error('call_malformed', `The content type of a call must be ${callMediaType}.`);
    requireRoom(process, 1);
    const permit = async (values: readonly unknown[]): Promise<void> => {
      if (!mayAsk(process, contract, method, values)) await refuse(process, name);
    };
    const answer = (text: string): Promise<string> =>
      counted(process, () => told(request, name, call.answer(text, permit)));
    const text = await counted(process, () => bodyOf(request));
    if (type === callMediaType) return answer(text);
    const texts = text.split('\n');
    if (texts.length > maxBatched)
      throw encodingErrors.error('call_malformed', `A request can hold at most ${maxBatched} calls.`);
    requireRoom(process, texts.length);
    await sendAnswers(response, texts.map(answer));
    return undefined;
  }

  function requireRoom(process: string, calls: number): void {
    if ((underWay.get(process) ?? 0) + calls > mostCalls)
      throw wireErrors.error(
        'peer_overloaded',
        `Too many calls of the process ${process} are in progress. Send this one again later.`,
      );
  }

  async function counted<Result>(process: string, work: () => Promise<Result>): Promise<Result> {
    underWay.set(process, (underWay.get(process) ?? 0) + 1);
    try {
      return await work();
    } finally {
      underWay.set(process, (underWay.get(process) ?? 1) - 1);
    }
  }

  /** Logs the failure for the operator. */
  async function told(request: IncomingMessage, name: string, answer: Promise<string>): Promise<string> {
    try {
      return await answer;
    } catch (error) {
      if (isCodedError(error)) {
        if (error.category === 'unavailable')
          logger.warn({ call: name, code: error.code, internal: error.internal }, 'call answered as unavailable');
      } else if (!request.destroyed) logger.error({ error, call: name }, 'a call failed by a fault of ours');
      throw error;
    }
  }

  return ({ method: verb, url = '' }) => {
    const asked = verb === 'POST' ? readCallPath(url) : undefined;
    if (asked === undefined) return undefined;
    return (request, response) => {
      const began = performance.now();
      void answerOf(request, response, asked)
        .then(
          (answer) => answer === undefined || sendAnswer(response, answer),
          (error: unknown) => sendRefusal(request, response, error),
        )
        .catch((error: unknown) => {
          logger.error({ error }, 'a call could not be answered');
          response.destroy();
        })
        .finally(() =>
          metrics.observeRequest('POST', callRoute, response.statusCode, (performance.now() - began) / 1_000),
        );
    };
  };
}

/** One metric series for all calls, so that another process cannot add labels. */
const callRoute = '/calls/:contract/:method';

/** @throws CodedError `call_too_large`; `Error` where the connection ends before the call does */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  // A request without an encoding has Buffers.
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > largestCall) throw wireErrors.error('call_too_large', `A call has at most ${largestCall} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts, length).toString('utf8');
}

function sendAnswer(response: ServerResponse, answer: string): void {
  if (answer === '') response.writeHead(204).end();
  else response.writeHead(200, headersOf('application/json', answer)).end(answer);
}

/** Writes each answer as a line when it is ready, several of one event-loop turn together. Resolves after the last. */
function sendAnswers(response: ServerResponse, answers: readonly Promise<string>[]): Promise<void> {
  let lines = '';
  let open = answers.length;
  let isTurn = false;
  return new Promise((resolve) => {
    function send(): void {
      isTurn = false;
      const text = lines;
      lines = '';
      if (response.destroyed) {
        if (open === 0) resolve();
        return;
      }
      if (open > 0) {
        if (!response.headersSent) response.writeHead(200, { 'content-type': callsMediaType });
        response.write(text);
        return;
      }
      if (response.headersSent) response.end(text);
      else response.writeHead(200, headersOf(callsMediaType, text)).end(text);
      resolve();
    }
    const sent = (place: number, status: number, text: string): void => {
      lines += writeAnswerLine({ place, status, text });
      open--;
      if (!isTurn) setImmediate(send);
      isTurn = true;
    };
    for (const [place, answer] of answers.entries())
      answer.then(
        (text) => sent(place, text === '' ? 204 : 200, text),
        (error: unknown) => {
          const problem = problemSaid(error);
          sent(place, problem.status, JSON.stringify(problem));
        },
      );
  });
}

/** Problem details (RFC 9457). Only the log has the details of internal errors. */
function sendRefusal(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  const problem = problemSaid(error);
  const text = JSON.stringify(problem);
  // The unread rest of the call would be parsed as the next request.
  if (!request.complete) response.setHeader('connection', 'close');
  response.writeHead(problem.status, headersOf('application/problem+json', text)).end(text);
}

function problemSaid(error: unknown) {
  return isCodedError(error) ? problemOf(error) : fault;
}

const fault = {
  type: 'urn:countersign:error:internal_error',
  title: 'internal error',
  status: 500,
  code: 'internal_error',
  detail: 'Something failed on our side; nothing was released. The log of the service has the details.',
} as const;

function headersOf(type: string, text: string): Record<string, string | number> {
  return { 'content-type': type, 'content-length': Buffer.byteLength(text) };
}
