import { maxBatched } from './call-path.ts';
import type { PeerCall } from './peer-call.ts';

/** One of several calls of a method, with the callbacks of its caller. */
export interface GatheredCall {
  readonly call: PeerCall;
  /** Start of the call in milliseconds of `performance.now`. */
  readonly since: number;
  resolve(answer: string | Promise<string>): void;
  reject(error: unknown): void;
}

/** Maximum time in milliseconds that a call waits for other calls of its method in progress. */
const patienceMs = 3;
/** A call with more characters is sent alone. */
const longest = 64 * 1024;

/**
 * Sends calls of one method together: those of one turn of the event loop, and those that arrive while others are in progress. A
 * single call is sent at once.
 *
 * @param send settles each call; never rejects
 */
export function createCallGatherer(
  send: (calls: readonly GatheredCall[]) => Promise<void>,
): (call: PeerCall) => Promise<string> {
  const methods = new Map<string, (call: GatheredCall) => void>();
  return (call) => {
    if (call.body.length > longest)
      return new Promise((resolve, reject) => {
        void send([{ call, since: performance.now(), resolve, reject }]);
      });
    const name = `${call.contract}/${call.method}`;
    let gather = methods.get(name);
    if (gather === undefined) {
      gather = createGatherer(send);
      methods.set(name, gather);
    }
    const gathered = gather;
    return new Promise((resolve, reject) => gathered({ call, since: performance.now(), resolve, reject }));
  };
}

function createGatherer(send: (calls: readonly GatheredCall[]) => Promise<void>): (call: GatheredCall) => void {
  const waiting: GatheredCall[] = [];
  let onTheirWay = 0;
  let isTurn = false;
  let patience: NodeJS.Timeout | undefined;

  function sendAll(): void {
    isTurn = false;
    clearTimeout(patience);
    patience = undefined;
    while (waiting.length > 0) {
      onTheirWay++;
      void send(waiting.splice(0, maxBatched)).finally(arrived);
    }
  }

  function arrived(): void {
    onTheirWay--;
    if (onTheirWay === 0 && waiting.length > 0) afterThisTurn();
  }

  /** Waits until ready sockets have been read, so that their calls join the request. */
  function afterThisTurn(): void {
    if (isTurn) return;
    isTurn = true;
    setImmediate(sendAll);
  }

  return (call) => {
    waiting.push(call);
    if (onTheirWay === 0 || waiting.length >= maxBatched) afterThisTurn();
    else patience ??= setTimeout(sendAll, patienceMs);
  };
}
