import { Readable } from 'node:stream';
import { eventErrors } from '@countersign/contracts';
import type { FastifyReply } from 'fastify';
import type { Followed } from './event-follower.ts';
import { positionText } from './position.ts';

export interface StreamTimes {
  /** Whoever follows for longer comes again, and goes on from the last place. */
  readonly lifeMs: number;
  /** A sign of life, so that proxies keep the connection, and the place that has been reached. */
  readonly heartbeatMs: number;
  /** Whoever leaves everything unread for so long is cut off. */
  readonly slowMs: number;
  /** For what has been written already, once a stream is told to end. */
  readonly graceMs: number;
  /** How often it is asked whether the caller may still be answered. */
  readonly standingMs: number;
}

export interface StreamRequest {
  readonly institution: string;
  /** Whether the caller may still be answered: asked now and then. */
  readonly stands: () => Promise<boolean>;
  readonly follow: (signal: AbortSignal) => Promise<AsyncIterable<Followed>>;
}

export interface Streams {
  /** @throws CodedError `event_streams_busy`, and what `follow` throws before it follows */
  answer(reply: FastifyReply, request: StreamRequest): Promise<FastifyReply>;
  /** Ends all of them, as if their time had come. */
  end(): void;
  /** How many there are. */
  readonly size: number;
}

export const usualTimes: StreamTimes = {
  lifeMs: 300_000,
  heartbeatMs: 15_000,
  slowMs: 60_000,
  graceMs: 5_000,
  standingMs: 1_000,
};

/** Of one process: each costs a connection and a reader. */
const mostStreams = 256;
/** So that one institution leaves room for others. */
const mostOfInstitution = 16;
const reconnectMs = 2_000;

/** Answers with server-sent events (HTML Living Standard section 9.2), so many at once and no more. */
export function createStreams(times: StreamTimes): Streams {
  const ends = new Map<AbortController, { readonly institution: string; readonly end: () => void }>();

  /** Counted before anything is awaited, so that many who come at once are counted too. */
  function claim(institution: string): AbortController {
    const ofInstitution = [...ends.values()].filter((one) => one.institution === institution).length;
    if (ends.size >= mostStreams || ofInstitution >= mostOfInstitution)
      throw eventErrors.error('event_streams_busy', 'Too many are following events here; read pages, or come again.');
    const ending = new AbortController();
    ends.set(ending, { institution, end: () => ending.abort() });
    return ending;
  }

  async function answer(reply: FastifyReply, request: StreamRequest): Promise<FastifyReply> {
    const { institution, stands, follow } = request;
    const ending = claim(institution);
    // Whoever leaves before the answer has begun, or while it lasts, is not followed for any longer.
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
    /** Where nobody can say, it ends as well: the client comes again, and is checked. */
    async function endUnlessStanding(): Promise<void> {
      if (!(await stands().catch(() => false))) end();
    }
    function end(): void {
      ending.abort();
      // What is written already is left to be read; a reader that is stuck does not keep it.
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

/** `id` alone moves the place that a reader comes back with, and is no event. */
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
        // The first is told at once: a reader that is sent away before there is an event comes back to the same place.
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

/** It is looked at later, or never: a failure must not count as one that nobody handles. */
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
