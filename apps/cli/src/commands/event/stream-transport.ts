import { type Answer, createTransport, noAnswer, type Transport } from '@countersign/sdk/calling';

/** One event of a stream, unparsed. */
export interface StreamedEvent {
  /** The position from which to continue. */
  readonly id: string;
  readonly data: string;
}

/** Events are far smaller; a longer line is invalid. */
const maxEventChars = 1_048_576;
/** The stream sends at least a keep-alive every fifteen seconds. */
const silenceMs = 60_000;
const mediaType = 'text/event-stream';

/** Sends like the sdk, but reads an event stream until it ends: by the server, by `signal`, or by a broken connection. */
export function streamTransport(hooks: {
  readonly onEvent: (event: StreamedEvent) => void;
  /** The position from which the stream starts or continues. */
  readonly onPosition: (id: string) => void;
  readonly signal: AbortSignal;
}): Transport {
  const ordinary = createTransport();
  return {
    send: (request) => (/\/events\/stream(?:\?|$)/.test(request.url) ? follow(request, hooks) : ordinary.send(request)),
  };
}

async function follow(
  { method, url, headers }: Parameters<Transport['send']>[0],
  hooks: Parameters<typeof streamTransport>[0],
): Promise<Answer> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), silenceMs);
  };
  let isOpen = false;
  try {
    const answer = await fetch(url, {
      method,
      headers: { ...headers, accept: `${mediaType}, application/json` },
      redirect: 'error',
      signal: AbortSignal.any([hooks.signal, silence.signal]),
    });
    const nonce = answer.headers.get('dpop-nonce');
    const seen = { status: answer.status, ...(nonce === null ? {} : { dpopNonce: nonce }) };
    if (answer.headers.get('content-type')?.includes(mediaType) !== true)
      return { ...seen, body: JSON.parse(await answer.text()) };
    isOpen = true;
    for await (const lines of framesOf(answer, heard)) take(lines, hooks);
    return { ...seen, body: '' };
  } catch (cause) {
    // Received events count. The next connection continues from the last position.
    if (isOpen || hooks.signal.aborted) return { status: 200, body: '' };
    throw noAnswer(cause, url, `No usable answer from ${new URL(url).origin}.`);
  } finally {
    clearTimeout(timer);
  }
}

/** HTML Living Standard section 9.2.6: an id alone moves the position and is no event. */
function take(lines: readonly string[], { onEvent, onPosition }: Parameters<typeof streamTransport>[0]): void {
  const field = (name: string): readonly string[] =>
    lines.flatMap((line) => (line.startsWith(`${name}:`) ? [line.slice(name.length + 1).replace(/^ /, '')] : []));
  const id = field('id').at(-1);
  const data = field('data');
  if (id !== undefined) onPosition(id);
  if (id !== undefined && data.length > 0) onEvent({ id, data: data.join('\n') });
}

/** Lines up to each empty one. */
async function* framesOf(answer: Response, heard: () => void): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder();
  let pending = '';
  // The DOM type of a body does not declare the iterator that Node has.
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    heard();
    pending += decoder.decode(chunk, { stream: true });
    const frames = pending.split('\n\n');
    pending = frames.pop() ?? '';
    if (pending.length > maxEventChars) throw new Error('an event without end');
    for (const frame of frames) yield frame.split('\n');
  }
}
