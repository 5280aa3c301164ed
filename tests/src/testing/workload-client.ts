import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';

/** A client of the Workload API that knows only octets. */
export function createWorkloadClient(address: string) {
  const client = new Client(address.replace('unix://', 'unix:'), credentials.createInsecure());
  const header = (): Metadata => {
    const metadata = new Metadata();
    metadata.set('workload.spiffe.io', 'true');
    return metadata;
  };
  const same = (octets: Buffer): Buffer => octets;
  return {
    /** Reads a stream: each message, and how it ended. */
    stream(method: string, request: Buffer = Buffer.alloc(0), metadata = header()) {
      const messages: Buffer[] = [];
      let failure: ServiceError | undefined;
      const call = client.makeServerStreamRequest(`/SpiffeWorkloadAPI/${method}`, same, same, request, metadata, {});
      call.on('data', (message: Buffer) => messages.push(message));
      call.on('error', (error: ServiceError) => {
        failure = error;
      });
      return { messages, failure: () => failure, cancel: () => call.cancel() };
    },
    /** Opens a stream in both directions. @param path of the method */
    talk(path: string) {
      const messages: Buffer[] = [];
      let failure: ServiceError | undefined;
      const call = client.makeBidiStreamRequest(path, same, same, new Metadata(), {});
      call.on('data', (message: Buffer) => messages.push(message));
      call.on('error', (error: ServiceError) => {
        failure = error;
      });
      return { messages, failure: () => failure, say: (message: Buffer) => void call.write(message) };
    },
    async ask(method: string, request: Buffer, metadata = header()): Promise<Buffer> {
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(`/SpiffeWorkloadAPI/${method}`, same, same, request, metadata, {}, (error, answer) =>
          error === null && answer !== undefined ? resolve(answer) : reject(error),
        );
      });
    },
    close: () => client.close(),
  };
}
