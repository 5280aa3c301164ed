import {
  type handleServerStreamingCall,
  type Metadata,
  type MethodDefinition,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { field, mapField, message, optionalField } from './protobuf.ts';
import { type Svid, type SvidState, trustDomainOf } from './svid.ts';
import type { SvidSource } from './svid-source.ts';

// SPIFFE Workload API: https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md. Messages are octets here:
// each method reads and writes its own.

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
};

/** Section 5 of the SPIFFE Workload Endpoint: without it, a server-side request forgery could ask for a certificate. */
export function hasSecurityHeader(metadata: Metadata): boolean {
  const values = metadata.get('workload.spiffe.io');
  return values.length === 1 && values[0] === 'true';
}

export const noHeader = {
  code: status.INVALID_ARGUMENT,
  details: 'The security header workload.spiffe.io: true is missing.',
};

/** Every stream and the SVIDs for it end with this. */
export const refusalOf = ({ code, detail }: { readonly code: string; readonly detail: string }) => ({
  code: status.PERMISSION_DENIED,
  details: `${code}: ${detail}`,
});

const waiting = { code: status.UNAVAILABLE, details: 'The certificate is not there yet. Try again.' };

/**
 * Streams what a state makes of it. The first message comes at once, or as soon as there is a certificate. The end of the workload ends
 * the stream.
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

const x509Bundles = ({ spiffeId, roots }: Svid): Buffer =>
  message(mapField(2, trustDomainOf(spiffeId), Buffer.concat(roots)), optionalField(1, ''));

/** The methods for the workload of one socket. */
export function createWorkloadApi(source: SvidSource): UntypedServiceImplementation {
  const streaming =
    (messageOf: (svid: Svid) => Buffer): handleServerStreamingCall<Buffer, Buffer> =>
    (call) => {
      if (!hasSecurityHeader(call.metadata)) return void call.emit('error', noHeader);
      streamStates(call, source, (svid) => void call.write(messageOf(svid)));
    };
  return {
    FetchX509SVID: streaming(x509Svids),
    FetchX509Bundles: streaming(x509Bundles),
  };
}
