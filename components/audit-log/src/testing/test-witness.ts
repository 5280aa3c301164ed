import { createPrivateKey, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ConfiguredExchange, outboundErrors } from '@countersign/contracts';
import { sha256 } from '@countersign/kernel';
import {
  cosign,
  createVerifierKey,
  formatSignature,
  formatVerifierKey,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  verifyConsistency,
} from '@countersign/merkle-log';

/** The wrong answer of a misbehaving witness. */
export type Misbehaviour = (request: { readonly body: string }, response: ServerResponse) => void | Promise<void>;

/** A witness on a listener of its own, with a memory that can be set back, and that can misbehave. */
export async function startTestWitness(name: string, timestamp = () => 1_795_253_400n) {
  // PKCS#8 around a raw seed (RFC 8410 section 7).
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), sha256(name)]);
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const { x = '' } = privateKey.export({ format: 'jwk' });
  const key = createVerifierKey({
    name: `${name}.example`,
    type: 'ed25519-cosignature',
    publicKey: Buffer.from(x, 'base64url'),
  });
  const seen = new Map<bigint, Buffer>();
  let newest = 0n;
  let misbehaviour: Misbehaviour | undefined;
  const asked: bigint[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array));
    const body = Buffer.concat(chunks).toString();
    const parsed = parseAddCheckpoint(body);
    const note = parsed.ok ? parseNote(parsed.request.checkpoint) : undefined;
    const said = note?.ok === true ? parseCheckpoint(note.note.text) : undefined;
    if (!parsed.ok || note?.ok !== true || said?.ok !== true) return void response.writeHead(400).end();
    asked.push(parsed.request.oldSize);
    if (misbehaviour !== undefined) return misbehaviour({ body }, response);
    const { size, root } = said.checkpoint;
    const { oldSize, proof } = parsed.request;
    if (oldSize !== newest)
      return void response.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end(`${newest}\n`);
    const fromRoot = seen.get(newest);
    if (
      fromRoot !== undefined &&
      newest > 0n &&
      !verifyConsistency({ from: newest, to: size, fromRoot, toRoot: root, proof }).ok
    )
      return void response.writeHead(422).end();
    newest = size;
    seen.set(size, Buffer.from(root));
    response.end(await cosignature(note.note.text));
  }

  async function cosignature(text: string): Promise<string> {
    return formatSignature(
      await cosign({ text, timestamp: timestamp(), key, sign: async (data) => sign(null, data, privateKey) }),
    );
  }

  const server = createServer((request, response) => void answer(request, response));
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;

  async function close(): Promise<void> {
    if (!server.listening) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  return {
    name,
    key,
    vkey: formatVerifierKey(key),
    /** Its line in a policy. */
    line: `witness ${name} ${formatVerifierKey(key)} http://127.0.0.1:${port}/sub/\n`,
    newest: () => newest,
    /** The old sizes in the requests it received. */
    asked,
    cosignature,
    /** As if it were restored from a backup. */
    setBackTo(size: bigint) {
      newest = size;
    },
    misbehave(next: Misbehaviour | undefined) {
      misbehaviour = next;
    },
    goAway: close,
    comeBack: () => listen(port),
    stop: close,
  };
}

export type TestWitness = Awaited<ReturnType<typeof startTestWitness>>;

/** With the bounds that the contract promises. */
export const fetchExchange: ConfiguredExchange['exchange'] = async (url, message) => {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body: message.body,
      headers: { 'content-type': message.contentType },
      redirect: 'error',
      signal: AbortSignal.timeout(message.timeoutMs ?? 5_000),
    });
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of answer.body ?? []) {
      size += chunk.length;
      if (size > (message.maxBytes ?? 65_536)) throw new Error('more than was asked for');
      chunks.push(chunk);
    }
    const contentType = answer.headers.get('content-type') ?? undefined;
    return { status: answer.status, contentType, body: Buffer.concat(chunks) };
  } catch (cause) {
    throw outboundErrors.error('outbound_failed', 'It did not answer as it must.', { cause });
  }
};
