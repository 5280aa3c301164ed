import type {
  ConfiguredDocuments,
  ConfiguredExchange,
  ConfiguredRequests,
  LastingGuard,
  Remote,
  RemoteContract,
} from '@countersign/contracts';
import { type Peer, remoteContract } from '@countersign/wire';
import type { Seen } from '../components/index.ts';
import type { OwnInterface } from '../configuration/index.ts';
import { type ProcessGroup, servedBy } from '../process-groups/index.ts';

/** Contracts of components in other processes. */
export type Elsewhere = <Name extends RemoteContract>(name: Name) => Remote<Name>;

export function elsewhereAt(peers: ReadonlyMap<ProcessGroup, Peer>): Elsewhere {
  return (name) => {
    const peer = peers.get(servedBy[name]);
    if (peer === undefined) throw new Error(`${name} is not in another process`);
    return remoteContract(name, peer);
  };
}

/** Guards of our own interfaces, by the process that knows tokens. */
export function guardsElsewhere(
  issuer: string,
  { checkAccess, checkLastingAccess, tokenStands }: Remote<'access'>,
): Seen['guard'] {
  return (name: OwnInterface): LastingGuard => {
    const resource = `${issuer}/${name}`;
    return {
      check: (request, need) => checkAccess(resource, request, need),
      checkLasting: (request, need) => checkLastingAccess(resource, request, need),
      stands: (token) => tokenStands(resource, token),
    };
  };
}

/** The other way: the guards of this process, for those elsewhere. */
export function accessBy(guardOf: (resource: string) => LastingGuard): Remote<'access'> {
  return {
    checkAccess: (resource, request, need) => guardOf(resource).check(request, need),
    checkLastingAccess: (resource, request, need) => guardOf(resource).checkLasting(request, need),
    tokenStands: (resource, token) => guardOf(resource).stands(token),
  };
}

/** Requests to configured addresses, by the one process that calls outside. */
export function requestsElsewhere({ exchangeFor, getFor }: ConfiguredRequests): Seen['exchangeWith'] {
  return (authorities): ConfiguredExchange & ConfiguredDocuments => ({
    exchange: (url, message) => exchangeFor(authorities ?? null, url, { ...message, body: Buffer.from(message.body) }),
    get: (url, limits = {}) => getFor(authorities ?? null, url, limits),
  });
}
