import { caepEventUri } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import type { StreamThings } from './recorded-stream.ts';
import type { SignalReader } from './signal-reader.ts';
import type { SignalStore } from './store.ts';
import { eventsDelivered, type SignalStream, type SignalStreamId, tokenOf } from './stream.ts';
import { isExcluded } from './subject.ts';

/** Tokens waiting in one stream; later ones stay in the log until there is room. */
export const maxWaiting = 500;
const signalsAtOnce = 100;

export interface FillingDependencies {
  readonly store: SignalStore;
  readonly reader: SignalReader;
  readonly things: StreamThings;
  readonly clock: Clock;
}

/** Queues new signals for a stream that is enabled and has room. */
export function createFilling({ store, reader, things, clock }: FillingDependencies) {
  async function wantedBy(stream: SignalStream) {
    const events = new Set(eventsDelivered(stream.eventsRequested));
    const exclusions = await store.exclusions(stream.id);
    return ({ event, subject }: Parameters<typeof tokenOf>[0]): boolean =>
      events.has(caepEventUri(event)) && !isExcluded(subject, exclusions);
  }

  /** @returns false when there was nothing to read, or another node has read it */
  return async function fill(id: SignalStreamId, newest: bigint): Promise<boolean> {
    const stream = await store.find(id);
    if (stream?.status !== 'enabled' || stream.position >= newest) return false;
    if (!(await things.counts(id, stream))) return false;
    const room = maxWaiting - (await store.countWaiting(id));
    if (room <= 0) return false;
    const page = await reader.read(stream.institution, await wantedBy(stream), {
      after: stream.position,
      limit: Math.min(room, signalsAtOnce),
      newest,
    });
    const nowSeconds = Math.floor(clock.now() / 1000);
    return store.fill(
      stream,
      page.position,
      page.signals.map((signal) => tokenOf(signal, id, nowSeconds)),
    );
  };
}
export type Fill = ReturnType<typeof createFilling>;
