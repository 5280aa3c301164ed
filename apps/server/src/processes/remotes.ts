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
export type RemoteLookup = <Name extends RemoteContract>(name: Name) => Remote<Name>;

export function remotesOf(peers: ReadonlyMap<ProcessGroup, Peer>): RemoteLookup {
  return (name) => {
    const peer = peers.get(servedBy[name]);
    if (peer === undefined) throw new Error(`${name} is not in another process`);
    return remoteContract(name, peer);
  };
}

/** Guards of the product's own interfaces, called in the process that verifies tokens. */
export function remoteGuards(
  issuer: string,
  { checkAccess, checkLastingAccess, isTokenActive }: Remote<'access'>,
): Seen['guard'] {
  return (name: OwnInterface): LastingGuard => {
    const resource = `${issuer}/${name}`;
    return {
      check: (request, need) => checkAccess(resource, request, need),
      checkLasting: (request, need) => checkLastingAccess(resource, request, need),
      isActive: (token) => isTokenActive(resource, token),
    };
  };
}

/** The opposite direction: serves the guards of this process to the others. */
export function accessBy(guardOf: (resource: string) => LastingGuard): Remote<'access'> {
  return {
    checkAccess: (resource, request, need) => guardOf(resource).check(request, need),
    checkLastingAccess: (resource, request, need) => guardOf(resource).checkLasting(request, need),
    isTokenActive: (resource, token) => guardOf(resource).isActive(token),
  };
}

/** Requests to configured addresses, made by egress, the only process that calls external addresses. */
export function remoteRequests({ exchangeFor, getFor }: ConfiguredRequests): Seen['exchangeWith'] {
  return (authorities): ConfiguredExchange & ConfiguredDocuments => ({
    exchange: (url, message) => exchangeFor(authorities ?? null, url, { ...message, body: Buffer.from(message.body) }),
    get: (url, limits = {}) => getFor(authorities ?? null, url, limits),
  });
}
