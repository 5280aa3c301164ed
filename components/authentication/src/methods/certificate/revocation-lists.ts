import { readFile, stat } from 'node:fs/promises';
import type { ConfiguredDocuments } from '@countersign/contracts';
import { type Clock, isCodedError, isRecent, sha256Base64Url } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import {
  type ListAuthorities,
  type ParsedCertificate,
  type RevocationList,
  readRevocationList,
} from '@countersign/x509';
import { revocationListsIn } from './pem.ts';
import type { ListSource } from './settings.ts';

export interface RevocationListsDependencies {
  readonly sources: readonly ListSource[];
  /** Certificates that may belong to other keys with which an authority signs its lists. */
  readonly candidates: readonly ParsedCertificate[];
  readonly get: ConfiguredDocuments['get'];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** In octets: some hundred thousand entries. */
const maxFileSize = 8_388_608;
const maxListsInFile = 16;
/** Also after a failure, so that sign-ins do not flood a source. */
const freshMs = 60_000;
/** Distribution points and deltas of one authority. */
const maxSeries = 256;
const fetchTimeoutMs = 5_000;

interface Source {
  readonly where: ListSource;
  lists: readonly Uint8Array[];
  triedAt: number;
  loading: Promise<void> | undefined;
}

/**
/**
 * The newest genuine lists of each authority, one for each distribution point, from configured files and addresses, never from an
 * address in a certificate. If a source fails, its last lists stay in use. The caller decides how old a list may be.
 */
export function createRevocationLists({ sources, candidates, get, clock, logger }: RevocationListsDependencies) {
  const held = sources.map((where): Source => ({ where, lists: [], triedAt: -Infinity, loading: undefined }));
  /** By authority, then by series. */
  const newest = new Map<string, Map<string, RevocationList>>();
  /** A list is verified once for each authority. */
  const examined = new WeakMap<Uint8Array, Set<string>>();

  async function load(source: Source): Promise<void> {
    source.triedAt = clock.now();
    const { where } = source;
    try {
      const octets = 'file' in where ? await readBounded(where.file) : await fetchList(where.url);
      source.lists = revocationListsIn(octets).slice(0, maxListsInFile);
    } catch (error) {
      logger.warn(
        { source: where, error },
        'a revocation list could not be read; the last one is used while it is recent enough',
      );
    }
  }
  const fetchList = (url: string) => get(url, { plainHttp: true, timeoutMs: fetchTimeoutMs, maxBytes: maxFileSize });

  async function refresh(source: Source): Promise<void> {
    if (source.loading === undefined && !isRecent(source.triedAt, freshMs, clock.now()))
      source.loading = load(source).finally(() => {
        source.loading = undefined;
      });
    await source.loading;
  }

  function examine(der: Uint8Array, authorities: ListAuthorities, name: string): void {
    const seen = examined.get(der) ?? new Set();
    if (seen.has(name)) return;
    examined.set(der, seen.add(name));
    try {
      const list = readRevocationList(der, authorities);
      if (list === undefined) return;
      const series = newest.get(name) ?? new Map<string, RevocationList>();
      newest.set(name, series);
      const before = series.get(list.series);
      if (before === undefined ? series.size < maxSeries : list.thisUpdate >= before.thisUpdate)
        series.set(list.series, list);
    } catch (error) {
      if (!isCodedError(error)) throw error;
      logger.warn({ code: error.code, detail: error.detail }, 'a revocation list cannot be read');
    }
  }

  return {
    /** The newest list of each series of an authority. @param above the authorities above it on a validated path */
    async listsOf(issuer: ParsedCertificate, above: readonly ParsedCertificate[]): Promise<readonly RevocationList[]> {
      await Promise.all(held.map(refresh));
      const name = sha256Base64Url(issuer.encoding);
      for (const { lists } of held) for (const der of lists) examine(der, { issuer, above, candidates }, name);
      return [...(newest.get(name)?.values() ?? [])];
    },
  };
}

export type RevocationLists = ReturnType<typeof createRevocationLists>;

async function readBounded(file: string): Promise<Uint8Array> {
  const { size } = await stat(file);
  if (size > maxFileSize) throw new Error(`the file exceeds ${maxFileSize} octets`);
  return readFile(file);
}
