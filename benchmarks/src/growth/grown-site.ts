import { type CodeFlowServer, completeFlows, type Flow, type SignedIn, signIn } from '../code-flow.ts';
import { type MeasuredControlPlane, startControlPlaneProcess, stoppable } from '../control-plane.ts';
import { consentedScope, venueOrders } from '../market.ts';
import type { ServerProcess } from '../server-process.ts';
import type { Starter } from '../starter.ts';
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
}

/** How many of the people of the market have their refresh tokens used. */
const consents = 16;

export async function startGrownSite(options: {
  readonly rows: number;
  readonly folder: string;
  readonly onProgress: (message: string) => void;
  /** Sees to it that what is started gets stopped, also while tables are still being filled. */
  readonly started: Starter;
}): Promise<GrownSite> {
  const { rows, folder, started } = options;
  const name = rowsInWords(rows);
  const onProgress = (message: string): void => options.onProgress(`${name}: ${message}`);
  onProgress('starting a control plane');
  const starting = startControlPlaneProcess({ folder, name: `grown-to-${rows}`, onProgress: options.onProgress });
  const controlPlane = await started(stoppable(starting));
  const database = await started(Promise.resolve(openOwnedDatabase(controlPlane.databaseUrl())));
  await Promise.all([database.fill(rows, onProgress), controlPlane.server.fillLog(rows)]);
  const short = (await database.rowCounts()).find((counted) => counted.rows < rows);
  if (short !== undefined) throw new Error(`${short.table} has lost rows before anything was measured`);
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
  return { rows, controlPlane, server, database, asked, people, consents: flows };
}

export function rowsInWords(rows: number): string {
  return `${rows.toLocaleString('en-US')} rows`;
}
