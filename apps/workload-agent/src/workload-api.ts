import { type Clock, isCodedError } from '@countersign/kernel';
import { importVerificationKey } from '@countersign/oauth';
import { parseSpiffeId, spiffeErrors, verifyJwtSvid } from '@countersign/spiffe';
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  type MethodDefinition,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { agentErrors } from './errors.ts';
import { field, mapField, message, readFields, structOf, textIn, textsIn } from './protobuf.ts';
import { type Svid, type SvidState, trustDomainOf } from './svid.ts';
import type { SvidSource } from './svid-source.ts';

// SPIFFE Workload API: https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md. Messages are octets
// here: each method reads and writes its own.

const same = (octets: Buffer): Buffer => octets;

export function method(path: string, responseStream: boolean, requestStream = false): MethodDefinition<Buffer, Buffer> {
  return {
    ...{ path, requestStream, responseStream },
    ...{ requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same },
  };
}

const ofService = (name: string): string => `/SpiffeWorkloadAPI/${name}`;

export const workloadApiDefinition: ServiceDefinition = {
  FetchX509SVID: method(ofService('FetchX509SVID'), true),
  FetchX509Bundles: method(ofService('FetchX509Bundles'), true),
  FetchJWTSVID: method(ofService('FetchJWTSVID'), false),
  FetchJWTBundles: method(ofService('FetchJWTBundles'), true),
  ValidateJWTSVID: method(ofService('ValidateJWTSVID'), false),
};

/**
 * SPIFFE Workload Endpoint, section 5: without this header, a server-side request forgery could obtain a certificate.
 */
export function hasSecurityHeader(metadata: Metadata): boolean {
  const values = metadata.get('workload.spiffe.io');
  return values.length === 1 && values[0] === 'true';
}

export const noHeader = {
  code: status.INVALID_ARGUMENT,
  details: 'The security header workload.spiffe.io: true is missing.',
};

/** How streams end when the workload is refused. */
export const refusalOf = ({ code, detail }: { readonly code: string; readonly detail: string }) => ({
  code: status.PERMISSION_DENIED,
  details: `${code}: ${detail}`,
});

const waiting = { code: status.UNAVAILABLE, details: 'There is no certificate yet. Try again.' };

/**
 * Streams the messages of each state. The first is sent at once, or as soon as there is a certificate. The stream ends
 * when the workload is refused.
 */
export function streamStates(
  call: Pick<ServerWritableStream<Buffer, Buffer>, 'write' | 'end' | 'on' | 'emit' | 'cancelled'>,
  source: SvidSource,
  write: (svid: Svid) => void,
): void {
  let over = false;
  const fail = (failure: { readonly code: status; readonly details: string }): void => {
    over = true;
    unsubscribe();
    clearTimeout(patience);
    call.emit('error', failure);
  };
  const show = (state: SvidState): void => {
    if (over) return;
    if (state.is === 'ready') {
      clearTimeout(patience);
      write(state.svid);
    }
    if (state.is === 'ended') fail(refusalOf(state));
  };
  const unsubscribe = source.subscribe(show);
  const patience = setTimeout(() => fail(waiting), 30_000);
  call.on('cancelled', () => {
    over = true;
    unsubscribe();
    clearTimeout(patience);
  });
  show(source.state());
}

function x509Svids({ spiffeId, chain, privateKey, roots }: Svid): Buffer {
  const svid = message(
    field(1, spiffeId),
    field(2, Buffer.concat(chain)),
    field(3, privateKey),
    field(4, Buffer.concat(roots)),
  );
  return message(field(1, svid));
}

const x509Bundles = ({ spiffeId, roots }: Svid): Buffer => mapField(2, trustDomainOf(spiffeId), Buffer.concat(roots));

/** The gRPC status of an error. */
function statusOf(error: unknown): { readonly code: status; readonly details: string } {
  if (!isCodedError(error)) return { code: status.INTERNAL, details: 'The agent failed.' };
  const details = `${error.code}: ${error.detail}`;
  if (error.category === 'forbidden') return { code: status.PERMISSION_DENIED, details };
  if (error.category === 'invalid') return { code: status.INVALID_ARGUMENT, details };
  return { code: status.UNAVAILABLE, details };
}

/** The methods for the workload of one socket. */
export function createWorkloadApi(source: SvidSource, clock: Clock): UntypedServiceImplementation {
  const streaming =
    (messageOf: (svid: Svid) => Buffer | Promise<Buffer>): handleServerStreamingCall<Buffer, Buffer> =>
    (call) => {
      if (!hasSecurityHeader(call.metadata)) return void call.emit('error', noHeader);
      streamStates(call, source, (svid) => {
        Promise.resolve(messageOf(svid)).then(
          (octets) => void call.write(octets),
          (error: unknown) => void call.emit('error', statusOf(error)),
        );
      });
    };

  const unary =
    (answer: (svid: Svid, request: Buffer) => Promise<Buffer>): handleUnaryCall<Buffer, Buffer> =>
    (call, callback) => {
      if (!hasSecurityHeader(call.metadata)) return callback(noHeader);
      const state = source.state();
      if (state.is === 'ended') return callback(refusalOf(state));
      if (state.is === 'waiting') return callback(waiting);
      answer(state.svid, call.request).then(
        (octets) => callback(null, octets),
        (error: unknown) => callback(statusOf(error)),
      );
    };

  return {
    FetchX509SVID: streaming(x509Svids),
    FetchX509Bundles: streaming(x509Bundles),
    FetchJWTSVID: unary(async ({ spiffeId }, request) => {
      const fields = readFields(request);
      const audiences = textsIn(fields, 1);
      const wanted = textIn(fields, 2);
      if (audiences.length === 0) throw agentErrors.error('message_malformed', 'Name at least one audience.');
      if (wanted !== '' && wanted !== spiffeId)
        throw agentErrors.error('identity_refused', `This workload is ${spiffeId}.`);
      const svid = await source.token(audiences);
      return message(field(1, message(field(1, svid.spiffeId), field(2, svid.token))));
    }),
    FetchJWTBundles: streaming(async ({ spiffeId }) => {
      const keys = await source.tokenKeys();
      return message(mapField(1, trustDomainOf(spiffeId), JSON.stringify({ keys })));
    }),
    ValidateJWTSVID: unary(async ({ spiffeId }, request) => {
      const fields = readFields(request);
      const audience = textIn(fields, 1);
      if (audience === '') throw agentErrors.error('message_malformed', 'Name the audience.');
      const keys = (await source.tokenKeys()).map((jwk) => ({
        kid: String(jwk['kid']),
        key: importVerificationKey({ kty: jwk['kty'], crv: jwk['crv'], x: jwk['x'], y: jwk['y'] }),
      }));
      const trustDomain = parseSpiffeId(spiffeId).trustDomain;
      const verified = await verifyJwtSvid(textIn(fields, 2), { trustDomain, audience, keys, now: clock.now() }).catch(
        (error: unknown) => {
          // The specification requires InvalidArgument for an invalid token.
          if (spiffeErrors.is(error, 'jwt_svid_invalid')) throw agentErrors.error('message_malformed', error.detail);
          throw error;
        },
      );
      return message(field(1, verified.spiffeId), field(2, structOf(verified.claims)));
    }),
  };
}
