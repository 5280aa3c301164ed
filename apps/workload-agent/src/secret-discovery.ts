import { isCodedError } from '@countersign/kernel';
import { encodePem } from '@countersign/x509';
import {
  type handleBidiStreamingCall,
  type ServerDuplexStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { field, message, readFields, textsIn } from './protobuf.ts';
import { type Svid, type SvidState, trustDomainOf } from './svid.ts';
import type { SvidSource } from './svid-source.ts';
import { method, refusalOf } from './workload-api.ts';

// Envoy's Secret Discovery Service, version 3: the certificate under the SPIFFE ID or `default`, the roots under the id
// of the trust domain, `ROOTCA` or `ALL`. Envoy sends no security header, but its socket belongs to the workload.

const service = '/envoy.service.secret.v3.SecretDiscoveryService/';
const typeUrl = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
const mostNames = 100;

export const secretDiscoveryDefinition: ServiceDefinition = {
  StreamSecrets: method(`${service}StreamSecrets`, true, true),
  DeltaSecrets: method(`${service}DeltaSecrets`, true, true),
};

const inlineBytes = (octets: string): Buffer => field(2, octets);

function certificateSecret(name: string, { chain, privateKey }: Svid): Buffer {
  const pem = chain.map((der) => encodePem('CERTIFICATE', der)).join('');
  const certificate = message(field(1, inlineBytes(pem)), field(2, inlineBytes(encodePem('PRIVATE KEY', privateKey))));
  return message(field(1, name), field(2, certificate));
}

function rootsSecret(name: string, { roots }: Svid): Buffer {
  const pem = roots.map((der) => encodePem('CERTIFICATE', der)).join('');
  return message(field(1, name), field(4, message(field(1, inlineBytes(pem)))));
}

/** A secret by its name; undefined when the workload does not have it. */
function secretNamed(name: string, svid: Svid): Buffer | undefined {
  if (name === svid.spiffeId || name === 'default') return certificateSecret(name, svid);
  if (name === trustDomainOf(svid.spiffeId) || name === 'ROOTCA' || name === 'ALL') return rootsSecret(name, svid);
  return undefined;
}

const any = (secret: Buffer): Buffer => message(field(1, typeUrl), field(2, secret));

interface Dialect {
  /** The names that a request adds and removes. */
  read(request: Buffer): {
    readonly names: readonly string[];
    readonly removed: readonly string[];
    readonly replaces: boolean;
  };
  answer(secrets: ReadonlyMap<string, Buffer>, gone: readonly string[], version: string): Buffer;
}

const wholeState: Dialect = {
  read(request) {
    const fields = readFields(request);
    return { names: textsIn(fields, 3), removed: [], replaces: true };
  },
  answer: (secrets, _, version) =>
    message(
      field(1, version),
      ...[...secrets.values()].map((secret) => field(2, any(secret))),
      field(4, typeUrl),
      field(5, version),
    ),
};

const delta: Dialect = {
  read(request) {
    const fields = readFields(request);
    return { names: textsIn(fields, 3), removed: textsIn(fields, 4), replaces: false };
  },
  answer: (secrets, gone, version) =>
    message(
      field(1, version),
      ...[...secrets].map(([name, secret]) =>
        field(2, message(field(1, version), field(2, any(secret)), field(3, name))),
      ),
      field(4, typeUrl),
      field(5, version),
      ...gone.map((name) => field(6, name)),
    ),
};

function serve(call: ServerDuplexStream<Buffer, Buffer>, source: SvidSource, dialect: Dialect): void {
  let names: readonly string[] | undefined;
  let count = 0;
  let over = false;

  const finish = (): void => {
    over = true;
    unsubscribe();
  };
  const fail = (failure: { readonly code: status; readonly details: string }): void => {
    if (over) return;
    finish();
    call.emit('error', failure);
  };
  const send = (state: SvidState, gone: readonly string[] = []): void => {
    if (over || names === undefined) return;
    count += 1;
    if (state.is === 'ended') {
      // Envoy keeps a secret until a message says that it is gone.
      if (dialect === delta) call.write(dialect.answer(new Map(), names, String(count)));
      fail(refusalOf(state));
      return;
    }
    if (state.is === 'waiting') return;
    const { svid } = state;
    const wanted = names.length === 0 ? [svid.spiffeId, trustDomainOf(svid.spiffeId)] : names;
    const secrets = new Map<string, Buffer>();
    for (const name of wanted) {
      const secret = secretNamed(name, svid);
      if (secret !== undefined) secrets.set(name, secret);
    }
    call.write(dialect.answer(secrets, gone, String(count)));
  };
  const unsubscribe = source.subscribe(send);

  call.on('data', (request: Buffer) => {
    try {
      const asked = dialect.read(request);
      const before = names ?? [];
      const next = asked.replaces
        ? asked.names
        : [...new Set([...before, ...asked.names])].filter((name) => !asked.removed.includes(name));
      if (next.length > mostNames) return fail({ code: status.INVALID_ARGUMENT, details: 'Too many names.' });
      // An acknowledgement, or a rejection; sending the same secret again would not help.
      const isFirst = names === undefined;
      const isSame = next.length === before.length && next.every((name) => before.includes(name));
      names = next;
      if (isFirst || !isSame) send(source.state(), asked.removed);
    } catch (error) {
      fail({
        code: status.INVALID_ARGUMENT,
        details: isCodedError(error) ? error.detail : 'The request cannot be read.',
      });
    }
  });
  call.on('end', () => {
    finish();
    call.end();
  });
  call.on('cancelled', finish);
}

export function createSecretDiscovery(source: SvidSource): UntypedServiceImplementation {
  const streaming =
    (dialect: Dialect): handleBidiStreamingCall<Buffer, Buffer> =>
    (call) =>
      serve(call, source, dialect);
  return { StreamSecrets: streaming(wholeState), DeltaSecrets: streaming(delta) };
}
