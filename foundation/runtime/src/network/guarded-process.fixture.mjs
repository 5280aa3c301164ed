// A process that may connect to two addresses. Runs the TypeScript sources, not a build that may be stale. Arguments: the port of a
// server on 127.0.0.1 and a Unix socket, which are allowed, then others, which are not. Prints what came of each attempt, before and
// after it was said, as one JSON object: `connected`, or the code of the error.
import { createSocket } from 'node:dgram';
import { get } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { get as getSecurely } from 'node:https';
import { connect, Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { runnerImport } from 'vite';

const [allowedPort, allowedPath, otherPort, otherPath] = process.argv.slice(2);
const { module } = await runnerImport(fileURLToPath(new URL('./index.ts', import.meta.url)), {
  root: fileURLToPath(new URL('../../../..', import.meta.url)),
  configFile: false,
  logLevel: 'silent',
});

const codeOf = (error) => error?.cause?.code ?? error?.code ?? String(error);
const settled = (socket, event = 'connect') =>
  new Promise((resolve) => {
    socket.once(event, () => resolve('connected'));
    socket.once('error', (error) => resolve(codeOf(error)));
  }).finally(() => (socket.destroy ?? socket.close).call(socket));
const ofPromise = (promise) => promise.then(() => 'connected', codeOf);
const sent = (...args) =>
  new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.send('hello', ...args, (error) => {
      socket.close();
      resolve(error ? codeOf(error) : 'connected');
    });
  });
const udp = (port, address) => {
  const socket = createSocket('udp4');
  const outcome = settled(socket);
  socket.connect(Number(port), address);
  return outcome;
};
const written = (socket) => {
  // Before anybody could know: as a request is.
  socket.write('hello');
  return settled(socket);
};
const attempts = async (port, path) => ({
  net: await settled(connect(Number(port), '127.0.0.1')),
  'net with options': await settled(connect({ host: '127.0.0.1', port })),
  'net without host': await settled(new Socket().connect(Number(port))),
  'a socket of its own': await settled(new Socket().connect(Number(port), '127.0.0.1')),
  'a socket that is written to': await written(connect(Number(port), '127.0.0.1')),
  unix: await settled(connect(path)),
  tls: await settled(
    connectSecurely({ host: '127.0.0.1', port: Number(port), servername: 'localhost', rejectUnauthorized: false }),
  ),
  http: await settled(get(`http://127.0.0.1:${port}/`), 'response'),
  'http by socket': await settled(get({ socketPath: path, path: '/' }), 'response'),
  https: await settled(getSecurely(`https://127.0.0.1:${port}/`, { agent: false }), 'response'),
  // Says `connect` of a session that has ended as well. The servers speak another version, and end it.
  http2: await settled(connectHttp2(`http://127.0.0.1:${port}`), 'close'),
  fetch: await ofPromise(fetch(`http://127.0.0.1:${port}/`)),
  undici: await ofPromise(request(`http://127.0.0.1:${port}/`)),
  udp: await sent(Number(port), '127.0.0.1'),
  'a part of a datagram': await sent(0, 2, Number(port), '127.0.0.1'),
  'connected udp': await udp(port, '127.0.0.1'),
});

// Clients keep connections and go on with them, so those of the others are not opened before.
const before = await attempts(allowedPort, allowedPath);
module.allowConnectionsOnly([{ host: '127.0.0.1', port: Number(allowedPort) }, { path: allowedPath }]);
const outcome = {
  before,
  allowed: await attempts(allowedPort, allowedPath),
  other: await attempts(otherPort, otherPath),
  elsewhere: await ofPromise(fetch('http://192.0.2.1/')),
  named: await ofPromise(fetch(`http://localhost:${allowedPort}/`)),
};
process.stdout.write(JSON.stringify(outcome));
process.exit(0);
