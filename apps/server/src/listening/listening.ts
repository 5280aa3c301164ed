import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CodedError } from '@countersign/kernel';
import type { FastifyInstance } from 'fastify';
import type { Listener } from '../configuration/index.ts';

/** @throws CodedError `address_in_use` if the address is in use now; {@link listenOn} detects a later conflict */
export async function requireFree({ host, port }: Pick<Listener, 'host' | 'port'>): Promise<void> {
  if (port === 0) return;
  // Closes connections during the probe at once, so that clients retry.
  const probe = createServer((socket) => socket.destroy());
  try {
    await new Promise<void>((resolve, reject) => probe.once('error', reject).listen({ host, port }, resolve));
  } catch (cause) {
    throw listenFailure(cause, { host, port });
  }
  await new Promise((resolve) => probe.close(resolve));
}

export async function listenOn(app: FastifyInstance, { host, port }: Pick<Listener, 'host' | 'port'>): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    throw listenFailure(cause, { host, port });
  }
}

function listenFailure(cause: unknown, { host, port }: Pick<Listener, 'host' | 'port'>): unknown {
  if (!(cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE')) return cause;
  return new CodedError({
    code: 'address_in_use',
    category: 'unavailable',
    detail: `${host}:${port} is taken. Stop what listens there (is a control plane running already?), or choose another port.`,
    cause,
  });
}

/** Ready means that the log can be read and signed within a time limit. Otherwise every request would fail. */
export async function answersWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const answered = work.then(
    () => true,
    () => false,
  );
  return Promise.race([answered, sleep(milliseconds, false, { ref: false })]);
}
