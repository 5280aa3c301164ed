import { Socket } from 'node:net';
import { serveSigner } from './signer.ts';

/** File descriptor of the connection to the control plane, which started this process. */
const connection = 3;
/** `EX_TEMPFAIL` of sysexits.h: the control plane starts another signer. */
const tryAgain = 75;

// The control plane decides when the signer ends. A signal to the whole group of processes must not end it first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

serveSigner(new Socket({ fd: connection, readable: true, writable: true }), (reason) => {
  if (reason === undefined) process.exit(0);
  process.stderr.write(`${JSON.stringify({ name: 'signer', msg: 'the signer ends', reason })}\n`);
  process.exit(tryAgain);
});
