import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@countersign/sdk';
import { createSelfSigned } from '@countersign/testkit';
import type { ClientIdentity } from './http-connection.ts';
import { introduce, type Market, makeMarket, operatorOf } from './market.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';
import { freePort } from './servers/loopback.ts';
import { databaseUrlFile } from './servers/measured-server.ts';
import type { Stoppable } from './starter.ts';

/** Our server under measurement, with the market of the benchmark in its directory. */
export interface MeasuredControlPlane {
  readonly server: ServerProcess;
  readonly issuer: string;
  /** Base of its listener for mutual TLS, and what that shows. */
  readonly mutualTls: { readonly url: string; readonly identity: ClientIdentity };
  readonly market: Market;
  readonly operator: Client;
  /** Reads the URL of its database, as the one who owns it. */
  databaseUrl(): string;
}

interface StartOptions {
  readonly folder: string;
  /** Of its data, within the folder; `control-plane` when left out. */
  readonly name?: string;
  readonly profileFolder?: string | undefined;
  /** Another checkout of the project, built, whose server is started instead. */
  readonly checkout?: string | undefined;
  /** Settings of `keys`. */
  readonly keys?: object;
  readonly onProgress: (message: string) => void;
}

export async function startControlPlaneProcess(options: StartOptions): Promise<MeasuredControlPlane> {
  const { name = 'control-plane' } = options;
  const dataFolder = dataFolderOf(options);
  mkdirSync(dataFolder, { recursive: true });
  // As the folder around it: the account of PostgreSQL has to pass, or the data would go elsewhere and stay there.
  chmodSync(dataFolder, 0o711);
  const identity = createSelfSigned({ subject: 'CN=control plane', sans: { ip: ['127.0.0.1'] } });
  const mutualTls = {
    port: await freePort(),
    certificateFile: writtenTo(join(dataFolder, 'server-certificate.pem'), identity.certificatePem),
    keyFile: writtenTo(join(dataFolder, 'server-key.pem'), identity.privateKeyPem),
  };
  const server = await startServerProcess({
    name: 'control-plane-server',
    settings: { dataFolder, port: await freePort(), second: false, mutualTls, keys: options.keys },
    onProgress: (message) => options.onProgress(`${name}: ${message}`),
    profileFolder: options.profileFolder,
    checkout: options.checkout,
  });
  try {
    const market = makeMarket();
    const issuer = server.url;
    await introduce(market, { issuer, dataFolder });
    const operator = operatorOf({ issuer, dataFolder });
    return {
      server,
      issuer,
      mutualTls: { url: `https://127.0.0.1:${mutualTls.port}`, identity },
      market,
      operator,
      databaseUrl: () => readFileSync(join(dataFolder, databaseUrlFile), 'utf8'),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function writtenTo(file: string, text: string): string {
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** As something that is stopped with its server. */
export function stoppable(starting: Promise<MeasuredControlPlane>): Promise<MeasuredControlPlane & Stoppable> {
  return starting.then((controlPlane) => ({ ...controlPlane, stop: () => controlPlane.server.stop() }));
}

/** A second process on the database and under the issuer of the first, as behind a load balancer. */
export async function startSecondNode(options: StartOptions): Promise<ServerProcess> {
  return startServerProcess({
    name: 'control-plane-server',
    settings: { dataFolder: dataFolderOf(options), port: await freePort(), second: true },
    onProgress: (message) => options.onProgress(`second node: ${message}`),
  });
}

function dataFolderOf({ folder, name = 'control-plane' }: StartOptions): string {
  return join(folder, name);
}
