export { type AllowedAddress, allowConnectionsOnly, connectionErrors } from './allow-connections-only.ts';
