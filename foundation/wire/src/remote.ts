import { type Call, type Remote, type RemoteContract, remoteCalls } from '@countersign/contracts';
import { CodedError, isCodedError } from '@countersign/kernel';
import { codecOf } from './codec.ts';
import type { Peer } from './peer.ts';

const defaultTimeoutMs = 5_000;

/** Where a component that does not answer has a code for it, callers know that one. */
const unavailableCodes: Readonly<Partial<Record<RemoteContract, string>>> = { 'audit-log': 'log_unavailable' };

/**
 * A contract whose component is in another process. Each method asks there and answers what was answered there, errors included; one that
 * is not in the table of calls is not there at all.
 *
 * @throws CodedError from each method as the component's own; `peer_unavailable`, or the component's own code for that, where nobody
 *   answers in time: a command may have been carried out
 */
export function remoteContract<Name extends RemoteContract>(name: Name, peer: Pick<Peer, 'call'>): Remote<Name> {
  const calls: Readonly<Record<string, Call>> = remoteCalls[name];
  const methods = Object.entries(calls).map(
    ([method, { kind, timeoutMs = defaultTimeoutMs, repeatable, gathered = false }]) => {
      const codec = codecOf(name, method);
      const called = { contract: name, method, timeoutMs, repeatable: repeatable ?? kind === 'query', gathered };
      const ask = async (...values: readonly unknown[]): Promise<unknown> => {
        const body = codec.writeArguments(values);
        try {
          return codec.readAnswer(await peer.call({ ...called, body }));
        } catch (error) {
          throw inWordsOf(name, error);
        }
      };
      return [method, ask];
    },
  );
  return Object.fromEntries(methods);
}

function inWordsOf(name: RemoteContract, error: unknown): unknown {
  const code = unavailableCodes[name];
  if (code === undefined || !isCodedError(error)) return error;
  if (error.code !== 'peer_unavailable' && error.code !== 'peer_overloaded') return error;
  const { category, detail, internal } = error;
  return new CodedError({ code, category, detail, ...(internal === undefined ? {} : { internal }), cause: error });
}
