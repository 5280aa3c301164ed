/** ES256 over the octets, with a key that its holder keeps: 64 octets, r and s one after the other (RFC 7518 3.4). */
export type SignOctets = (octets: Uint8Array) => Promise<Uint8Array>;
