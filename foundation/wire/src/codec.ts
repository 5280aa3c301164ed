import { wireErrors } from './process-identity.ts';

/** How the arguments and the answer of one call are written as JSON. */
export interface CallCodec {
  writeArguments(values: readonly unknown[]): string;
  /** @throws CodedError `call_malformed` where they are not what the method takes */
  readArguments(text: string): unknown[];
  /** Empty for no answer. */
  writeAnswer(value: unknown): string;
  readAnswer(text: string): unknown;
}

export function codecOf(_contract: string, _method: string): CallCodec {
  return {
    writeArguments: (values) => JSON.stringify(values, write),
    readArguments(text) {
      const read: unknown = JSON.parse(text, revive);
      if (!Array.isArray(read)) throw wireErrors.error('call_malformed', 'The arguments of a call are a list.');
      return read.map((value: unknown) => (value === null ? undefined : value));
    },
    writeAnswer: (value) => (value === undefined ? '' : JSON.stringify(value, write)),
    readAnswer: (text) => (text === '' ? undefined : JSON.parse(text, revive)),
  };
}
function write(this: unknown, _key: string, value: unknown): unknown {
  const raw = (this as Record<string, unknown>)[_key];
  if (typeof raw === 'bigint') return { $bigint: String(raw) };
  if (raw instanceof Uint8Array) return { $bytes: Buffer.from(raw).toString('base64url') };
  if (raw instanceof Map) return { $map: [...raw] };
  if (raw instanceof Set) return { $set: [...raw] };
  return value;
}
function revive(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const v = value as Record<string, unknown>;
  if (typeof v['$bigint'] === 'string') return BigInt(v['$bigint']);
  if (typeof v['$bytes'] === 'string') return new Uint8Array(Buffer.from(v['$bytes'], 'base64url'));
  if (Array.isArray(v['$map'])) return new Map(v['$map'] as [unknown, unknown][]);
  if (Array.isArray(v['$set'])) return new Set(v['$set']);
  return value;
}
