import { type Answer, createTransport, isObject, noAnswer, type Transport } from '@countersign/sdk/calling';

export interface Progress {
  readonly step: string;
  readonly done: number;
  readonly of: number;
}

/** A hundred thousand entities take seconds on a fast machine. The timeout leaves a wide margin. */
const timeoutMs = 10 * 60_000;
const maxBytes = 128 * 1_048_576;
const mediaType = 'application/x-ndjson';

/** Sends like the sdk, but requests progress reports when it sends a whole file. */
export function progressTransport(onProgress: (progress: Progress) => void): Transport {
  const ordinary = createTransport();
  return {
    send: (request) =>
      /\/directory\/(?:plan|apply)(?:\?|$)/.test(request.url) ? sendFile(request, onProgress) : ordinary.send(request),
  };
}

async function sendFile(
  { method, url, headers, body }: Parameters<Transport['send']>[0],
  onProgress: (progress: Progress) => void,
): Promise<Answer> {
  try {
    const answer = await fetch(url, {
      method,
      headers: { ...headers, accept: `${mediaType}, application/json` },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body }),
    });
    const nonce = answer.headers.get('dpop-nonce');
    const seen = { status: answer.status, ...(nonce === null ? {} : { dpopNonce: nonce }) };
    if (answer.headers.get('content-type')?.includes(mediaType) !== true)
      return { ...seen, body: JSON.parse(await answer.text()) };
    return { ...seen, ...(await lastLineOf(answer, onProgress)) };
  } catch (cause) {
    const advice = 'Whether the file was applied, `directory plan` shows.';
    throw noAnswer(cause, url, `No usable answer from ${new URL(url).origin}. ${advice}`);
  }
}

/** The final result. An error's status is in its problem document, because the status of the response was sent before. */
async function lastLineOf(
  answer: Response,
  onProgress: (progress: Progress) => void,
): Promise<{ readonly status?: number; readonly body: unknown }> {
  let outcome: { readonly status?: number; readonly body: unknown } | undefined;
  for await (const line of linesOf(answer)) {
    const read: unknown = JSON.parse(line);
    if (!isObject(read)) throw new Error('a line that is no object');
    if (isProgress(read['progress'])) onProgress(read['progress']);
    const problem = read['problem'];
    if (isObject(problem))
      outcome = { status: typeof problem['status'] === 'number' ? problem['status'] : 500, body: problem };
    else if ('result' in read) outcome = { body: read['result'] };
  }
  if (outcome === undefined) throw new Error('the answer ended before its last line');
  return outcome;
}

async function* linesOf(answer: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let size = 0;
  let pending: string[] = [];
  // The DOM type of a body does not declare the iterator that Node has.
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) throw new Error('the answer is too large');
    const [first = '', ...rest] = decoder.decode(chunk, { stream: true }).split('\n');
    pending.push(first);
    // The last line is long, so its chunks are joined once.
    for (const next of rest) {
      yield pending.join('');
      pending = [next];
    }
  }
  if (pending.some((part) => part !== '')) yield pending.join('');
}

function isProgress(value: unknown): value is Progress {
  return (
    isObject(value) &&
    typeof value['step'] === 'string' &&
    typeof value['done'] === 'number' &&
    typeof value['of'] === 'number'
  );
}
