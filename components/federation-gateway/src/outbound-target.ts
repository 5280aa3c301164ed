import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { outboundErrors } from '@countersign/contracts';
import { isInternalAddress, isLoopbackAddress } from './outbound-address.ts';

export type Resolve = (
  hostname: string,
  answer: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

export const systemResolve: Resolve = (hostname, answer) =>
  lookup(hostname, { all: true }, (error, addresses) => answer(error, error === null ? addresses : []));

const longestUrl = 2_048;

/** Checks everything but the resolved addresses. @throws CodedError `outbound_address_refused` */
export function readTarget(url: string, rules: { readonly loopback: boolean }): URL {
  const target = url.length <= longestUrl && URL.canParse(url) ? new URL(url) : undefined;
  if (target === undefined) throw refused('It is not a URL.');
  if (target.username !== '' || target.password !== '') throw refused('It contains a user name or a password.');
  // Without a name there is no look-up, so the address is checked here.
  const literal = target.hostname.replace(/^\[|\]$/g, '');
  const address = isIP(literal) === 0 ? undefined : literal;
  if (address !== undefined && !mayReach(address, rules)) throw refused('It leads into an internal network.');
  const onLoopback = address === undefined ? literal === 'localhost' : isLoopbackAddress(address);
  if (target.protocol !== 'https:' && !(target.protocol === 'http:' && rules.loopback && onLoopback))
    throw refused('Only https is used.');
  return target;
}

/**
 * The checked addresses are the ones connected to, so a name cannot change in between. A name with any internal
 * address is refused.
 */
export function guardedLookup(resolve: Resolve, rules: { readonly loopback: boolean }): LookupFunction {
  return (hostname, options, answer) => {
    resolve(hostname, (error, addresses) => {
      const [first] = addresses;
      if (error !== null || first === undefined) return answer(error ?? new Error('it has no address'), []);
      if (!addresses.every(({ address }) => mayReach(address, rules)))
        return answer(refused('Its name leads into an internal network.'), []);
      return options.all === true ? answer(null, [...addresses]) : answer(null, first.address, first.family);
    });
  };
}

function mayReach(address: string, rules: { readonly loopback: boolean }): boolean {
  return !isInternalAddress(address) || (rules.loopback && isLoopbackAddress(address));
}

/** Must not reveal our networks to the author of the URL. */
function refused(internal: string): Error {
  return outboundErrors.error('outbound_address_refused', 'Requests to this address are not permitted.', {
    internal,
  });
}
