import { type Call, declaresRefusal, type Remote, type RemoteContract, remoteCalls } from '@countersign/contracts';
import { CodedError, defined, isCodedError } from '@countersign/kernel';
import { codecOf } from './codec.ts';
import type { Peer } from './peer.ts';
import { wireErrors } from './process-identity.ts';
import { encodingErrors } from './wire-forms.ts';

const defaultTimeoutMs = 5_000;

/** Codes that callers know for an unavailable component. */
const unavailableCodes: Readonly<Partial<Record<RemoteContract, string>>> = { 'audit-log': 'log_unavailable' };

/**
 * A contract whose component is in another process. Each method in the table of calls is forwarded, with its answer and errors; other
 * methods do not exist.
 *
 * @throws CodedError of the component; `peer_unavailable`, or the component's own code for that, when there is no answer in time: a
 *   command may have been carried out. `Error` for a refusal that the method does not declare (`callErrors`)
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
          throw inWordsOf(name, asDeclared(name, method, error));
        }
      };
      return [method, ask];
    },
  );
  return Object.fromEntries(methods);
}

const ofTheConnection: ReadonlySet<string> = new Set([
  'peer_unavailable',
  'peer_overloaded',
  'process_certificate_expired',
]);

/** A refusal that the contract does not declare is treated as an internal error. */
function asDeclared(name: RemoteContract, method: string, error: unknown): unknown {
  if (!isCodedError(error) || ownCodes.has(error.code) || declaresRefusal(name, method, error)) return error;
  return new Error(`${name}.${method} was refused as ${error.code}, which it does not declare`, { cause: error });
}

/** Codes of the wire itself. */
const ownCodes: ReadonlySet<string> = new Set([...Object.keys(wireErrors.codes), ...Object.keys(encodingErrors.codes)]);

function inWordsOf(name: RemoteContract, error: unknown): unknown {
  const code = unavailableCodes[name];
  if (code === undefined || !isCodedError(error)) return error;
  if (!ofTheConnection.has(error.code)) return error;
  const { category, detail, internal } = error;
  return new CodedError({ code, category, detail, ...defined({ internal }), cause: error });
}
