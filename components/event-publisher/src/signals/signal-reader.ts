import { type AuditLog, directoryErrors } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { createSlices, sliceSize, slicesPerPage } from '../log-slices.ts';
import { type DirectoryView, type Signal, signalsOf, signalTypes } from './projection.ts';

export interface SignalReaderDependencies {
  readonly log: Pick<AuditLog, 'scan' | 'newest'>;
  /** @throws CodedError `directory_behind`, as the directory does */
  readonly directory: { snapshotAtLeast(version: number): Promise<DirectoryView> };
  /** The issuer of our access tokens, under which subjects are named. */
  readonly issuer: string;
  readonly clock: Clock;
}

export interface SignalPage {
  readonly signals: readonly Signal[];
  /** Everything up to this place was examined. */
  readonly position: bigint;
}

/** A recorded change that has not taken effect by then never will. */
const changeWaitMs = 60_000;

export type SignalReader = ReturnType<typeof createSignalReader>;

export function createSignalReader({ log, directory, issuer, clock }: SignalReaderDependencies) {
  async function directoryAt(version: number, recordedAt: number): Promise<DirectoryView | undefined> {
    try {
      return await directory.snapshotAtLeast(version);
    } catch (error) {
      if (directoryErrors.is(error, 'directory_behind') && clock.now() - recordedAt > changeWaitMs) return undefined;
      throw error;
    }
  }

  const slices = createSlices<Signal & { readonly index: bigint }>({
    log,
    async read(record, index) {
      const recordedAt = Date.parse(record.time);
      const signals = await signalsOf(record, {
        issuer,
        directoryAt: (version) => directoryAt(version, recordedAt),
      });
      return signals.map((signal) => ({ ...signal, index }));
    },
  });

  return {
    /**
     * At most `limit` signals and the rest of the last record. @throws while the log is unavailable or the directory
     * is behind it
     */
    async read(
      institution: string,
      wanted: (signal: Signal) => boolean,
      { after, limit, newest }: { readonly after: bigint; readonly limit: number; readonly newest: bigint },
    ): Promise<SignalPage> {
      const signals: Signal[] = [];
      let position = after;
      for (let count = 0; count < slicesPerPage; count++) {
        const slice = await slices({ types: signalTypes, after: position, size: sliceSize, newest });
        for (const { index, ...signal } of slice.items) {
          // Signals of one record stay together.
          if (signals.length >= limit && index > position) return { signals, position };
          position = index;
          if (hears(institution, signal) && wanted(signal)) signals.push(signal);
        }
        position = slice.last ?? position;
        if (!slice.full) return { signals, position: newest > position ? newest : position };
      }
      return { signals, position };
    },
    newest: (): Promise<bigint> => log.newest(signalTypes),
  };
}

function hears(institution: string, { audience }: Signal): boolean {
  return audience === 'everybody' || audience.includes(institution);
}
