/** The package `buffer` with the encoding that it lacks. */
import { Buffer as Shim } from 'buffer/index.js';

const plainFrom = Shim.from;
const plainToString = Shim.prototype.toString;

function from(...parameters: readonly unknown[]): Uint8Array {
  const [value, encoding] = parameters;
  const translated =
    typeof value === 'string' && encoding === 'base64url'
      ? // Ignores invalid characters, as Node does.
        [value.replaceAll('-', '+').replaceAll('_', '/'), 'base64']
      : parameters;
  return Reflect.apply(plainFrom, Shim, translated);
}

function toText(this: Uint8Array, ...parameters: readonly unknown[]): string {
  if (parameters[0] !== 'base64url') return Reflect.apply(plainToString, this, parameters);
  const text: string = Reflect.apply(plainToString, this, ['base64', ...parameters.slice(1)]);
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

Object.assign(Shim, { from });
Object.assign(Shim.prototype, { toString: toText });
Object.assign(globalThis, { Buffer: Shim });

export { Shim as Buffer };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function isUtf8(octets: Uint8Array): boolean {
  try {
    utf8.decode(octets);
    return true;
  } catch {
    return false;
  }
}
