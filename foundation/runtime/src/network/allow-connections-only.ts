import dgram from 'node:dgram';
import net from 'node:net';
import { type CodedError, errorVocabulary } from '@countersign/kernel';

/** An address as callers specify it; names are not resolved for the comparison. `path` is a Unix socket. */
export type AllowedAddress = { readonly host: string; readonly port: number } | { readonly path: string };

export const connectionErrors = errorVocabulary({
  /** This process may not connect to the address. */
  address_outside: 'forbidden',
});

let guarded = false;

/**
 * Restricts this process to connections to these addresses. Every other attempt of `net`, `tls`, `http`, `https`, `http2`,
 * `fetch`, undici, the database driver and `dgram` fails at once with `address_outside`, as an error of its socket. Servers and
 * open connections are not affected. Permanent for the process; a second call is our bug and throws.
 * This is defence in depth against our own code being tricked into a connection. It does not restrict native code, child
 * processes, worker threads (each has new copies of these modules) or malicious code, and names are still resolved by DNS. The
 * network must enforce the same restriction.
 */
export function allowConnectionsOnly(allowed: readonly AllowedAddress[]): void {
  if (guarded) throw new Error('what this process may connect to was said already');
  guarded = true;
  const keys = new Set(allowed.map(keyOf));
  guardStreams(keys);
  guardDatagrams(keys);
}

/** Every TCP, TLS or Unix connection in Node goes through this method. */
function guardStreams(allowed: ReadonlySet<string>): void {
  const { connect } = net.Socket.prototype;
  replace(net.Socket.prototype, 'connect', function (this: net.Socket, ...args: unknown[]): unknown {
    const target = streamTarget(args);
    if (allowed.has(keyOf(target))) return Reflect.apply(connect, this, args);
    // Fail as for an address that refuses connections: callers that add listeners only after this call get the error, and their
    // writes are buffered until then.
    Reflect.set(this, 'connecting', true);
    process.nextTick(() => this.destroy(outside(target)));
    return this;
  });
}

function guardDatagrams(allowed: ReadonlySet<string>): void {
  const { connect, send } = dgram.Socket.prototype;
  replace(dgram.Socket.prototype, 'connect', function (this: dgram.Socket, ...args: unknown[]): unknown {
    const target = datagramTarget(args[0], args[1]);
    if (allowed.has(keyOf(target))) return Reflect.apply(connect, this, args);
    process.nextTick(() => this.emit('error', outside(target)));
    return undefined;
  });
  replace(dgram.Socket.prototype, 'send', function (this: dgram.Socket, ...args: unknown[]): unknown {
    // The connected address was allowed.
    if (isConnected(this)) return Reflect.apply(send, this, args);
    const [, first, second, third, fourth] = args;
    const isSliced = Boolean(fourth) || (Boolean(third) && typeof third !== 'function');
    const target = isSliced ? datagramTarget(third, fourth) : datagramTarget(first, second);
    if (allowed.has(keyOf(target))) return Reflect.apply(send, this, args);
    const callback = args.findLast((argument) => typeof argument === 'function');
    process.nextTick(() => {
      if (typeof callback === 'function') callback(outside(target));
      else this.emit('error', outside(target));
    });
    return undefined;
  });
}

/** Not writable, so that nothing restores it by accident. */
function replace(prototype: object, name: string, value: (...args: unknown[]) => unknown): void {
  Object.defineProperty(prototype, name, { value, writable: false, configurable: false });
}

/** The signatures of `Socket.connect`, including the internal one of Node's own modules. */
function streamTarget([first, second]: readonly unknown[]): AllowedAddress {
  if (Array.isArray(first)) return streamTarget(first);
  if (typeof first === 'object' && first !== null) {
    const path: unknown = Reflect.get(first, 'path');
    if (typeof path === 'string' && path !== '') return { path };
    return { host: hostOf(Reflect.get(first, 'host'), 'localhost'), port: Number(Reflect.get(first, 'port')) };
  }
  if (typeof first === 'string' && !(Number(first) >= 0)) return { path: first };
  return { host: hostOf(second, 'localhost'), port: Number(first) };
}

function datagramTarget(port: unknown, address: unknown): AllowedAddress {
  return { host: hostOf(address, '127.0.0.1'), port: Number(port) };
}

function hostOf(given: unknown, otherwise: string): string {
  return typeof given === 'string' && given !== '' ? given : otherwise;
}

function keyOf(address: AllowedAddress): string {
  if ('path' in address) return `unix ${address.path}`;
  return `${address.host.toLowerCase().replace(/^\[(.*)\]$/, '$1')} ${address.port}`;
}

function isConnected(socket: dgram.Socket): boolean {
  try {
    socket.remoteAddress();
    return true;
  } catch {
    return false;
  }
}

function outside(address: AllowedAddress): CodedError {
  const place = 'path' in address ? address.path : `${address.host}:${address.port}`;
  return connectionErrors.error(
    'address_outside',
    `This process may not connect to ${place}. Only processes of the group egress call outside.`,
  );
}
