import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import type { Clock, Random } from '@countersign/kernel';
import type { ClockReading, ClockSource } from './clock-source.ts';
import { ntpRequest, readNtpAnswer } from './ntp-packet.ts';

export interface NtpServer {
  readonly host: string;
  /** Default: 123. */
  readonly port?: number;
}

const resolutionUs = 1_000;

/** Measures the clock by SNTP (RFC 4330; RFC 5905 section 14). Servers that agree outvote one that is wrong. */
export function ntpClockSource(request: {
  readonly servers: readonly NtpServer[];
  readonly clock: Clock;
  readonly random: Random;
  readonly timeoutMs?: number;
}): ClockSource {
  const { servers, clock, random, timeoutMs = 3_000 } = request;
  return {
    kind: 'ntp',
    async measure() {
      const readings = await Promise.all(servers.map((server) => ask(server, { clock, random, timeoutMs })));
      return agreedReading(readings);
    },
  };
}

async function ask(
  { host, port = 123 }: NtpServer,
  { clock, random, timeoutMs }: { readonly clock: Clock; readonly random: Random; readonly timeoutMs: number },
): Promise<ServerReading> {
  const nonce = random.bytes(8);
  try {
    const sentAt = { wallUs: clock.now() * 1000, monotonic: performance.now() };
    const { packet, sent, received } = await exchange({ host, port, timeoutMs, packet: ntpRequest(nonce) });
    const answer = readNtpAnswer(packet, nonce);
    if ('reason' in answer) return { server: host, failure: answer.reason };
    // Both ends use the monotonic clock: a step in between would look like an offset of the server.
    const t1 = sentAt.wallUs + (sent - sentAt.monotonic) * 1000;
    const t4 = sentAt.wallUs + (received - sentAt.monotonic) * 1000;
    const delayUs = Math.max(0, t4 - t1 - (answer.sentUs - answer.receivedUs));
    return {
      server: host,
      stratum: answer.stratum,
      // RFC 5905 section 8.
      offsetUs: (answer.receivedUs - t1 + (answer.sentUs - t4)) / 2,
      uncertaintyUs: delayUs / 2 + answer.rootDelayUs / 2 + answer.rootDispersionUs + answer.precisionUs + resolutionUs,
    };
  } catch (error) {
    return { server: host, failure: error instanceof Error ? error.message : String(error) };
  }
}

interface Exchange {
  readonly packet: Buffer;
  /** Milliseconds of the monotonic clock. */
  readonly sent: number;
  readonly received: number;
}

async function exchange({
  host,
  port,
  timeoutMs,
  packet,
}: NtpServer & { readonly port: number; readonly timeoutMs: number; readonly packet: Buffer }): Promise<Exchange> {
  const until = performance.now() + timeoutMs;
  const { address, family } = await within(timeoutMs, lookup(host));
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  try {
    return await within(
      Math.max(1, until - performance.now()),
      new Promise<Exchange>((resolve, reject) => {
        socket.once('error', reject);
        // A connected socket ignores packets from other addresses.
        socket.connect(port, address, () => {
          const sent = performance.now();
          socket.once('message', (answer) => resolve({ packet: answer, sent, received: performance.now() }));
          socket.send(packet);
        });
      }),
    );
  } finally {
    socket.close();
  }
}

async function within<Result>(timeoutMs: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export type ServerReading =
  | {
      readonly server: string;
      readonly stratum: number;
      readonly offsetUs: number;
      readonly uncertaintyUs: number;
    }
  | { readonly server: string; readonly failure: string };

/** The best reading that more than half of the servers agree on: Marzullo's intersection (RFC 5905 section 11.2.1). */
export function agreedReading(readings: readonly ServerReading[]): ClockReading {
  const answers = readings.flatMap((reading) => ('failure' in reading ? [] : [reading]));
  if (answers.length === 0) {
    const reasons = readings.map((reading) => ('failure' in reading ? `${reading.server}: ${reading.failure}` : ''));
    return { measured: false, reason: `no server gave the time (${reasons.join('; ')})`.slice(0, 500) };
  }
  const meetings = answers.map(({ offsetUs, uncertaintyUs }) => {
    const begin = offsetUs - uncertaintyUs;
    return answers.filter((other) => Math.abs(begin - other.offsetUs) <= other.uncertaintyUs + 1e-6);
  });
  const [most = []] = meetings.toSorted((a, b) => b.length - a.length);
  if (most.length * 2 <= answers.length)
    return {
      measured: false,
      reason: `the servers contradict each other (${answers.map(({ server }) => server).join()})`,
    };
  const [best] = most.toSorted((a, b) => a.uncertaintyUs - b.uncertaintyUs);
  if (best === undefined) return { measured: false, reason: 'no server gave the time' };
  return {
    measured: true,
    offsetUs: Math.round(best.offsetUs),
    uncertaintyUs: Math.ceil(best.uncertaintyUs),
    stratum: best.stratum,
    reference: best.server,
  };
}
