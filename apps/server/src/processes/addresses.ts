import { type AllowedAddress, addressOfDatabase, readSecret } from '@countersign/runtime';
import type { GroupConfiguration } from '../configuration/index.ts';

/**
 * The addresses to which a process other than egress connects: the database, the other processes, the time sources, and the
 * databases whose credentials it leases.
 *
 * @throws CodedError `secret_unavailable`
 */
export function addressesOf({
  databaseUrl,
  process: own,
  clock,
  secrets,
}: GroupConfiguration): readonly AllowedAddress[] {
  const peers = Object.values(own.peers).flatMap((addresses) => addresses ?? []);
  const source = clock?.source;
  return [
    ...(databaseUrl === undefined ? [] : [addressOfDatabase({ url: readSecret(databaseUrl) })]),
    ...peers.map((address) => {
      const { hostname, port } = new URL(address);
      return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port === '' ? 443 : port) };
    }),
    ...(secrets?.databases ?? []).map(({ url }) => addressOfDatabase({ url: readSecret(url) })),
    ...(typeof source === 'object' ? source.ntp.map(({ host, port = 123 }) => ({ host, port })) : []),
  ];
}
