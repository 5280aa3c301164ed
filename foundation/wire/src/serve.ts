import { type Remote, type RemoteContract, remoteCalls } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { callMediaType } from './call-path.ts';
import { codecOf } from './codec.ts';
import { processAt, wireErrors } from './process-identity.ts';

/** What a process offers others: the components that run in it, by their contracts. */
export type Offered = { readonly [Name in RemoteContract]?: Remote<Name> };

/** Whether a process may call a method: asked at every call. */
export type MayCall = (process: string, contract: string, method: string) => boolean;

export interface ServedCalls {
  readonly offered: Offered;
  readonly mayCall: MayCall;
  readonly logger: Logger;
  /** Told of whoever called what it may not, before it is refused. */
  readonly onRefused: (refused: { readonly process: string; readonly call: string }) => Promise<void>;
  /** Calls of one process that may be under way; 1,024 when left out. */
  readonly mostCalls?: number;
}

const largestCall = 8 * 1024 * 1024;

/**
 * Serves calls of other processes, for a listener that lets nobody in without a certificate of the installation's own authority. Who calls
 * is who the certificate says, and nothing that is sent.
 */
export function serveCalls(
  app: FastifyInstance,
  { offered, mayCall, logger, onRefused, mostCalls = 1_024 }: ServedCalls,
): void {
  const served = new Map<string, { readonly answer: (text: string) => Promise<string> }>();
  for (const contract of Object.keys(offered) as RemoteContract[]) {
    const component: Readonly<Record<string, unknown>> = { ...offered[contract] };
    for (const method of Object.keys(remoteCalls[contract])) {
      const implementation = component[method];
      if (typeof implementation !== 'function') throw new Error(`${contract} does not have ${method}`);
      const codec = codecOf(contract, method);
      served.set(`${contract}/${method}`, {
        async answer(text) {
          return codec.writeAnswer(await Reflect.apply(implementation, offered[contract], codec.readArguments(text)));
        },
      });
    }
  }
  const underWay = new Map<string, number>();

  app.register(async (calls) => {
    calls.removeAllContentTypeParsers();
    calls.addContentTypeParser(callMediaType, { parseAs: 'string', bodyLimit: largestCall }, (_request, body, done) =>
      done(null, body),
    );
    calls.post<{ Params: { contract: string; method: string }; Body: string }>(
      '/calls/:contract/:method',
      async ({ params: { contract, method }, body, raw }, reply) => {
        const name = `${contract}/${method}`;
        const process = processAt(raw.socket);
        if (process === undefined || !mayCall(process, contract, method)) {
          logger.warn({ process, call: name }, 'a call was refused: the table does not have it');
          await onRefused({ process: process ?? 'unknown', call: name });
          throw wireErrors.error('call_not_permitted', `The process ${process ?? ''} may not call ${name}.`);
        }
        const call = served.get(name);
        if (call === undefined) throw wireErrors.error('call_unknown', `${name} is not served here.`);
        const busy = underWay.get(process) ?? 0;
        if (busy >= mostCalls)
          throw wireErrors.error('peer_overloaded', `Too much of the ${process} process is under way here.`);
        underWay.set(process, busy + 1);
        try {
          const answer = await call.answer(body);
          return answer === '' ? reply.status(204).send() : reply.type('application/json').send(answer);
        } catch (error) {
          if (!isCodedError(error)) logger.error({ error, call: name }, 'a call failed by a fault of ours');
          throw error;
        } finally {
          underWay.set(process, (underWay.get(process) ?? 1) - 1);
        }
      },
    );
  });
}
