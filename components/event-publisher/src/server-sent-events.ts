import { Readable } from 'node:stream';
import { eventErrors } from '@countersign/contracts';
import type { FastifyReply } from 'fastify';
import type { Followed } from './event-follower.ts';
import { positionText } from './position.ts';

export interface StreamTimes {
  /** Longest life of a stream; the client reconnects and continues at the last position. */
  readonly lifeMs: number;
  /** Interval of heartbeats, which keep proxies from closing the connection and report the position. */
  readonly heartbeatMs: number;
  /** A client that reads nothing for this time is disconnected. */
  readonly slowMs: number;
  /** Time for the client to read data already written when a stream ends. */
  readonly graceMs: number;
  /** How often the caller's token is checked. */
  readonly standingMs: number;
}

export interface StreamRequest {
  readonly institution: string;
  readonly isActive: () => Promise<boolean>;
  readonly follow: (signal: AbortSignal) => Promise<AsyncIterable<Followed>>;
}

export interface Streams {
  /** @throws CodedError `event_streams_busy`, and what `follow` throws before it follows */
  answer(reply: FastifyReply, request: StreamRequest): Promise<FastifyReply>;
  end(): void;
  readonly size: number;
}

export const usualTimes: StreamTimes = {
  lifeMs: 300_000,
  heartbeatMs: 15_000,
  slowMs: 60_000,
  graceMs: 5_000,
  standingMs: 1_000,
};

const maxStreams = 256;
const maxOfInstitution = 16;
const reconnectMs = 2_000;

/** Answers with server-sent events (HTML Living Standard section 9.2), up to a maximum number of streams. */
export function createStreams(times: StreamTimes): Streams {
  const ends = new Map<AbortController, { readonly institution: string; readonly end: () => void }>();

  /** Counted before any await, so that simultaneous requests count. */
  function claim(institution: string): AbortController {
    const ofInstitution = [...ends.values()].filter((one) => one.institution === institution).length;
    if (ends.size >= maxStreams || ofInstitution >= maxOfInstitution)
      throw eventErrors.error('event_streams_busy', 'Too many event streams are open. Read pages, or try again later.');
    const ending = new AbortController();
    ends.set(ending, { institution, end: () => ending.abort() });
    return ending;
  }

  async function answer(reply: FastifyReply, request: StreamRequest): Promise<FastifyReply> {
    const { institution, isActive, follow } = request;
    const ending = claim(institution);
    // Stops following when the client disconnects, before or during the answer.
    const leave = (): void => ending.abort();
    reply.raw.once('close', leave);
    let body: Readable;
    try {
      const followed = await follow(ending.signal);
      const cut = (): void => void reply.raw.destroy();
      body = Readable.from(framesOf(followed, { ending, cut, times }), { highWaterMark: 8 });
    } catch (error) {
      ends.delete(ending);
      throw error;
    }
    const standing = setInterval(() => void endUnlessStanding(), times.standingMs);
    const life = setTimeout(end, times.lifeMs);
    let grace: NodeJS.Timeout | undefined;
    /** Also ends the stream if the check fails: the client reconnects and is checked. */
    async function endUnlessStanding(): Promise<void> {
      if (!(await isActive().catch(() => false))) end();
    }
    function end(): void {
      ending.abort();
      // The client may read what was written; a client that is stuck is disconnected after the grace period.
      grace ??= setTimeout(() => reply.raw.destroy(), times.graceMs);
    }
    ends.set(ending, { institution, end });
    body.once('close', () => {
      ends.delete(ending);
      clearInterval(standing);
      clearTimeout(life);
      clearTimeout(grace);
      ending.abort();
    });
    return reply
      .header('cache-control', 'no-store')
      .header('x-accel-buffering', 'no')
      .type('text/event-stream; charset=utf-8')
      .send(body);
  }

  return {
    answer,
    end() {
      for (const { end } of [...ends.values()]) end();
    },
    get size() {
      return ends.size;
    },
  };
}

/** Updates Last-Event-ID without an event. */
const placeFrame = (position: string): string => `id: ${position}\n\n`;

async function* framesOf(
  followed: AsyncIterable<Followed>,
  { ending, cut, times }: { readonly ending: AbortController; readonly cut: () => void; readonly times: StreamTimes },
): AsyncGenerator<string> {
  const { signal } = ending;
  const source = followed[Symbol.asyncIterator]();
  let told = '';
  let place = '';
  let slow: NodeJS.Timeout | undefined;
  const written = (frame: string): string => {
    clearTimeout(slow);
    slow = setTimeout(cut, times.slowMs);
    return frame;
  };
  try {
    let next = handled(source.next());
    yield written(`retry: ${reconnectMs}\n\n`);
    while (!signal.aborted) {
      clearTimeout(slow);
      const pause = silence(times.heartbeatMs, signal);
      const step = await Promise.race([next, pause.over]);
      pause.cancel();
      if (signal.aborted) break;
      if (step === 'silence') {
        yield written(place === told ? ': nothing yet\n\n' : placeFrame(place));
        told = place;
        continue;
      }
      if (step.done === true) break;
      next = handled(source.next());
      const { value } = step;
      if (value.kind === 'position') {
        place = positionText(value.position);
        // The first position is sent at once, so that a client that is disconnected before any event resumes there.
        if (told !== '') continue;
        yield written(placeFrame(place));
      } else {
        place = value.event.sequence;
        yield written(`id: ${place}\nevent: ${value.event.type}\ndata: ${JSON.stringify(value.event)}\n\n`);
      }
      told = place;
    }
    if (place !== told) yield written(placeFrame(place));
  } finally {
    clearTimeout(slow);
    ending.abort();
    // Not waited for: it may be reading.
    source.return?.().catch(() => undefined);
  }
}

/** Marks a promise as handled, because it may be awaited later or never. */
function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}

function silence(ms: number, signal: AbortSignal): { readonly over: Promise<'silence'>; cancel(): void } {
  let cancel = (): void => undefined;
  const over = new Promise<'silence'>((resolve) => {
    cancel = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      resolve('silence');
    };
    const timer = setTimeout(cancel, ms);
    signal.addEventListener('abort', cancel);
  });
  return { over, cancel: () => cancel() };
}
