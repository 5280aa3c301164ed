import type { Duplex } from 'node:stream';

/** Larger than any statement that is signed, smaller than what would exhaust either side. */
export const maxFrameBytes = 1_048_576;

/** Sends one message: its length in four octets, then JSON. @throws RangeError if it is too long */
export function sendFrame(stream: Duplex, message: object): void {
  const body = Buffer.from(JSON.stringify(message));
  if (body.length > maxFrameBytes) throw new RangeError('a message to or from the signer is too long');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  stream.write(Buffer.concat([length, body]));
}

/** Calls `receive` with each message. A frame that is too long or not JSON destroys the stream. */
export function readFrames(stream: Duplex, receive: (message: unknown) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= 4) {
      const length = pending.readUInt32BE(0);
      if (length > maxFrameBytes) {
        stream.destroy(new RangeError('a frame that is too long'));
        return;
      }
      if (pending.length < 4 + length) return;
      const body = pending.subarray(4, 4 + length);
      pending = pending.subarray(4 + length);
      let message: unknown;
      try {
        message = JSON.parse(body.toString('utf8'));
      } catch (cause) {
        stream.destroy(new Error('a frame that is not JSON', { cause }));
        return;
      }
      receive(message);
    }
  });
}
