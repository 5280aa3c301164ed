import dgram from 'node:dgram';
import net from 'node:net';
import { type CodedError, errorVocabulary } from '@countersign/kernel';

/** As a caller names it: a name is not compared with the addresses that it stands for. `path` is a Unix socket. */
export type AllowedAddress = { readonly host: string; readonly port: number } | { readonly path: string };

export const connectionErrors = errorVocabulary({
  /** This process may not call the address at all. */
  address_outside: 'forbidden',
});

let guarded = false;

/**
 * From now on this process connects to these addresses and to no other: every other attempt of `net`, `tls`, `http`, `https`,
 * `http2`, `fetch`, undici, the database driver and `dgram` fails at once with `address_outside`, as an error of its socket. Servers
 * are not touched, nor connections that are open already. For the life of the process; a second call is our bug and throws.
 *
 * Defence in depth against code of ours that is brought to call where it should not. It does not bind native code, other programs
 * that this process starts, worker threads (each has these modules anew) or code that means to get around it, and names are still
 * looked up by DNS. The network must enforce the same: a process of this kind gets no route outside.
 */
export function allowConnectionsOnly(allowed: readonly AllowedAddress[]): void {
  if (guarded) throw new Error('what this process may connect to was said already');
  guarded = true;
  const keys = new Set(allowed.map(keyOf));
  guardStreams(keys);
  guardDatagrams(keys);
}

/** Everything that makes a TCP, TLS or Unix connection in Node ends in this method. */
function guardStreams(allowed: ReadonlySet<string>): void {
  const { connect } = net.Socket.prototype;
  replace(net.Socket.prototype, 'connect', function (this: net.Socket, ...args: unknown[]): unknown {
    const target = streamTarget(args);
    if (allowed.has(keyOf(target))) return Reflect.apply(connect, this, args);
    // As for an address that refuses: callers that listen only after this call hear of it, and what they write meanwhile waits.
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
    // Where it is connected to was allowed.
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

/** So that it is not put back by accident. */
function replace(prototype: object, name: string, value: (...args: unknown[]) => unknown): void {
  Object.defineProperty(prototype, name, { value, writable: false, configurable: false });
}

/** The forms of `Socket.connect`, and the one in which Node's own modules pass them on. */
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
