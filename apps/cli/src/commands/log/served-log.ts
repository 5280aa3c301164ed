import { type EntryBundle, entryBundlePath, hashSize, type Tile, tilePath, tileWidth } from '@countersign/merkle-log';
import { noAnswer, refusalOf, type Token } from '@countersign/sdk/calling';
import type { LogSource } from '@countersign/server';
import type { Connection } from '../../connection.ts';

/** A log as C2SP tlog-tiles serves it. */
export interface ServedLog extends LogSource {
  checkpoint(): Promise<Buffer | undefined>;
  /** How its keys succeeded each other; other logs have no such document. */
  keys(): Promise<Buffer | undefined>;
  /** A bundle with an empty entry for each pruned body; undefined if the log does not offer that. */
  entriesLeft?(bundle: EntryBundle): Promise<Buffer | undefined>;
}

/** Tokens are valid for at least 30 seconds. */
const tokenForMs = 20_000;
const maxBytes = tileWidth * 65_537;

export function logAt(prefix: string): ServedLog {
  return logFrom((path) => get(`${prefix.replace(/\/+$/, '')}/${path}`));
}

/** A log by its resources. @param at reads a path below the prefix; undefined if it does not exist */
export function logFrom(at: (path: string) => Promise<Buffer | undefined>): ServedLog {
  return {
    checkpoint: () => at('checkpoint'),
    keys: () => at('keys.json'),
    tile: (tile) => tileOf(tile, at),
    entryBundle: (bundle) => at(entryBundlePath(bundle)),
  };
}

/** The log of a control plane. Its entries need a scope. */
export function ownLog({ issuer, client, token }: Connection): ServedLog {
  let held: { readonly token: Promise<Token>; readonly since: number } | undefined;
  const fresh = (): Promise<Token> => {
    if (held === undefined || performance.now() - held.since > tokenForMs)
      held = { token: token('evidence', 'audit:read'), since: performance.now() };
    return held.token;
  };
  async function entries(bundle: EntryBundle, question: string): Promise<Buffer | undefined> {
    const url = `${issuer}/log/${entryBundlePath(bundle)}${question}`;
    const answer = await client.call(await fresh(), { method: 'GET', url, binary: true });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200 || !Buffer.isBuffer(answer.body)) throw refusalOf(answer);
    return answer.body;
  }
  return {
    ...logAt(`${issuer}/log`),
    entryBundle: (bundle) => entries(bundle, ''),
    entriesLeft: (bundle) => entries(bundle, '?gone=empty'),
  };
}

/** "Clients MAY fetch the full tile ... in case the partial tile is not available anymore" (tlog-tiles). */
async function tileOf(tile: Tile, at: (path: string) => Promise<Buffer | undefined>): Promise<Buffer | undefined> {
  const found = await at(tilePath(tile));
  if (found !== undefined || tile.width === tileWidth) return found;
  return (await at(tilePath({ ...tile, width: tileWidth })))?.subarray(0, tile.width * hashSize);
}

async function get(url: string): Promise<Buffer | undefined> {
  try {
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(30_000) });
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of answer.body ?? []) {
      size += chunk.length;
      if (size > maxBytes) throw new Error('too much');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (cause) {
    throw noAnswer(cause, url, `${url} does not answer as a log does.`, 'log_unreachable');
  }
}
