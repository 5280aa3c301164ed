import { type CodeFlowServer, completeFlows, type Flow, type SignedIn, signIn } from '../code-flow.ts';
import { type MeasuredControlPlane, startControlPlaneProcess } from '../control-plane.ts';
import { consentedScope, venueOrders } from '../market.ts';
import type { ServerProcess } from '../server-process.ts';
import { type OwnedDatabase, openOwnedDatabase } from './database-store.ts';

/** A control plane whose tables have got so many rows. */
export interface GrownSite {
  readonly rows: number;
  readonly controlPlane: MeasuredControlPlane;
  readonly server: ServerProcess;
  readonly database: OwnedDatabase;
  readonly asked: CodeFlowServer & { readonly server: ServerProcess };
  readonly people: readonly SignedIn[];
  /** Consents whose refresh tokens are used. */
  readonly consents: readonly Flow[];
  stop(): Promise<void>;
}

/** How many of the people of the market have their refresh tokens used. */
const consents = 16;

export async function startGrownSite(options: {
  readonly rows: number;
  readonly folder: string;
  readonly onProgress: (message: string) => void;
}): Promise<GrownSite> {
  const { rows, folder } = options;
  const name = rowsInWords(rows);
  const onProgress = (message: string): void => options.onProgress(`${name}: ${message}`);
  onProgress('starting a control plane');
  const controlPlane = await startControlPlaneProcess({
    folder,
    name: `grown-to-${rows}`,
    onProgress: options.onProgress,
  });
  const database = openOwnedDatabase(controlPlane.databaseUrl());
  const stop = async (): Promise<void> => {
    await database.stop();
    await controlPlane.server.stop();
  };
  try {
    await Promise.all([database.fill(rows, onProgress), controlPlane.server.fillLog(rows)]);
    const server = { ...controlPlane.server, walBytes: database.walBytes };
    const { desks, people: persons } = controlPlane.market;
    const asked = {
      name,
      server,
      issuer: controlPlane.issuer,
      clients: desks,
      resource: venueOrders,
      scope: consentedScope,
    };
    onProgress('people sign in');
    const people = await signIn(asked, persons);
    const flows = await completeFlows(asked, people.slice(0, consents));
    return { rows, controlPlane, server, database, asked, people, consents: flows, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export function rowsInWords(rows: number): string {
  return `${rows.toLocaleString('en-US')} rows`;
}
