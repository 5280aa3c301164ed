import { hardwareKeyErrors } from './errors.ts';

export interface SessionPool {
  /**
   * Runs one operation on a session of its own.
   *
   * @throws CodedError `hardware_unavailable` if no session becomes free, or the call does not return, in time
   */
  use<Result>(work: (session: Buffer) => Promise<Result>, timeoutMs?: number): Promise<Result>;
  /** Sessions whose call has not returned in time. They are never used again. */
  stuck(): number;
}

/**
 * A fixed number of sessions. PKCS #11 permits one operation for each session at a time. A session whose call fails is closed and
 * replaced, because its operation may still be active.
 */
export function createSessionPool(options: {
  readonly size: number;
  readonly timeoutMs: number;
  open(): Buffer;
  close(session: Buffer): void;
}): SessionPool {
  const { size, timeoutMs: usualMs } = options;
  const free: Buffer[] = Array.from({ length: size }, () => options.open());
  const waiting: ((session: Buffer | undefined) => void)[] = [];
  let stuck = 0;

  function give(session: Buffer): void {
    const next = waiting.shift();
    if (next === undefined) free.push(session);
    else next(session);
  }

  function take(timeoutMs: number): Promise<Buffer> {
    const session = free.pop();
    if (session !== undefined) return Promise.resolve(session);
    return new Promise((resolve, reject) => {
      const receive = (received: Buffer | undefined): void => {
        clearTimeout(timer);
        if (received === undefined) reject(busy());
        else resolve(received);
      };
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(receive), 1);
        receive(undefined);
      }, timeoutMs);
      waiting.push(receive);
    });
  }

  function replace(session: Buffer): void {
    try {
      options.close(session);
    } catch {
      // The session is already gone with the token.
    }
    let opened: Buffer;
    try {
      opened = options.open();
    } catch {
      // Without a token there is no new session; the canary finds out and the signer starts again.
      return;
    }
    give(opened);
  }

  return {
    async use(work, timeoutMs = usualMs) {
      const session = await take(timeoutMs);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), timeoutMs);
      });
      const done = work(session).then((result) => ({ result }));
      try {
        const finished = await Promise.race([done, late]);
        if (finished === undefined) return abandon(session, done);
        give(session);
        return finished.result;
      } catch (error) {
        if (!hardwareKeyErrors.is(error, 'hardware_unavailable')) replace(session);
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
    stuck: () => stuck,
  };

  /** Closing a session during a call can crash a module, so it is replaced only once the call has returned. */
  function abandon(session: Buffer, call: Promise<unknown>): never {
    stuck++;
    const end = (): void => {
      stuck--;
      replace(session);
    };
    call.then(end, end);
    throw hardwareKeyErrors.error(
      'hardware_unavailable',
      'The token did not answer in time. Nothing was released; try again.',
    );
  }
}

const busy = (): Error =>
  hardwareKeyErrors.error('hardware_unavailable', 'All sessions of the token are busy. Try again.');
