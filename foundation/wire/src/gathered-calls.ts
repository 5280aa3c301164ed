import { mostTogether } from './call-path.ts';
import type { PeerCall } from './peer-call.ts';

/** One of several calls of a method, and who waits for it. */
export interface GatheredCall {
  readonly call: PeerCall;
  /** Milliseconds, as `performance.now` counts. */
  readonly since: number;
  resolve(answer: string | Promise<string>): void;
  reject(error: unknown): void;
}

/** For so long a call waits for those of its method that are on their way, in milliseconds. */
const patienceMs = 3;
/** A longer one is sent alone, in characters. */
const longest = 64 * 1024;

/**
 * Sends calls of one method together: those of one turn of the event loop, and those that came while others were on their way. A lone
 * call is sent at once.
 *
 * @param send settles each of them; never rejects
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
      void send(waiting.splice(0, mostTogether)).finally(arrived);
    }
  }

  function arrived(): void {
    onTheirWay--;
    if (onTheirWay === 0 && waiting.length > 0) afterThisTurn();
  }

  /** Sockets that are ready are read first: what they bring goes along. */
  function afterThisTurn(): void {
    if (isTurn) return;
    isTurn = true;
    setImmediate(sendAll);
  }

  return (call) => {
    waiting.push(call);
    if (onTheirWay === 0 || waiting.length >= mostTogether) afterThisTurn();
    else patience ??= setTimeout(sendAll, patienceMs);
  };
}
