import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@countersign/sdk';
import { createSelfSigned, freePort } from '@countersign/testkit';
import type { ClientIdentity } from './http-connection.ts';
import { introduce, type Market, makeMarket, operatorOf } from './market.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';
import { databaseUrlFile } from './servers/measured-server.ts';
import { about, type Progress, type Stoppable } from './starter.ts';

/** Our server under measurement, with the market of the benchmark in its directory. */
export interface MeasuredControlPlane extends Stoppable {
  readonly server: ServerProcess;
  readonly issuer: string;
  /** Base of its listener for mutual TLS, and the certificate of that listener. */
  readonly mutualTls: { readonly url: string; readonly identity: ClientIdentity };
  readonly market: Market;
  readonly operator: Client;
  /** The URL of its database, for the account that owns it. */
  databaseUrl(): string;
}

interface StartOptions {
  readonly folder: string;
  /** Name of its data folder within `folder`; `control-plane` by default. */
  readonly name?: string;
  readonly profileFolder?: string | undefined;
  /** Another built checkout of the project, whose server is started instead. */
  readonly checkout?: string | undefined;
  /** The `keys` settings of the control plane. */
  readonly keys?: object;
  readonly onProgress: Progress;
}

export async function startControlPlaneProcess(options: StartOptions): Promise<MeasuredControlPlane> {
  const { name = 'control-plane', profileFolder, checkout, keys } = options;
  const dataFolder = dataFolderOf(options);
  mkdirSync(dataFolder, { recursive: true });
  // PostgreSQL's account must be able to enter, or the data would be stored in another place.
  chmodSync(dataFolder, 0o711);
  const identity = createSelfSigned({ subject: 'CN=control plane', sans: { ip: ['127.0.0.1'] } });
  const written = (file: string, text: string): string => {
    writeFileSync(join(dataFolder, file), text, { mode: 0o600 });
    return join(dataFolder, file);
  };
  const mutualTls = {
    port: await freePort(),
    certificateFile: written('server-certificate.pem', identity.certificatePem),
    keyFile: written('server-key.pem', identity.privateKeyPem),
  };
  const server = await startServerProcess({
    name: 'control-plane-server',
    settings: { dataFolder, port: await freePort(), second: false, mutualTls, keys },
    onProgress: about(name, options.onProgress),
    profileFolder,
    checkout,
  });
  const { url: issuer, stop } = server;
  try {
    const market = makeMarket();
    await introduce(market, { issuer, dataFolder });
    return {
      server,
      issuer,
      mutualTls: { url: `https://127.0.0.1:${mutualTls.port}`, identity },
      market,
      operator: operatorOf({ issuer, dataFolder }),
      databaseUrl: () => readFileSync(join(dataFolder, databaseUrlFile), 'utf8'),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A second process with the database and the issuer of the first, as behind a load balancer. */
export async function startSecondNode(options: StartOptions): Promise<ServerProcess> {
  return startServerProcess({
    name: 'control-plane-server',
    settings: { dataFolder: dataFolderOf(options), port: await freePort(), second: true },
    onProgress: about('second node', options.onProgress),
  });
}

function dataFolderOf({ folder, name = 'control-plane' }: StartOptions): string {
  return join(folder, name);
}
