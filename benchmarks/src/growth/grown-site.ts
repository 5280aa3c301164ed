import { completeFlows, signIn } from '../code-flow.ts';
import { startControlPlaneProcess } from '../control-plane.ts';
import { consentedScope, venueOrders } from '../market.ts';
import { about, type Run } from '../starter.ts';
import { openOwnedDatabase } from './database-store.ts';

export type GrownSite = Awaited<ReturnType<typeof startGrownSite>>;

const consents = 16;

/** A control plane with this many rows in every table. */
export async function startGrownSite(rows: number, run: Run) {
  const { started } = run;
  const name = `${rows.toLocaleString('en-US')} rows`;
  const onProgress = about(name, run.onProgress);
  onProgress('starting a control plane');
  const controlPlane = await started(startControlPlaneProcess({ ...run, name: `grown-to-${rows}` }));
  const database = await started(openOwnedDatabase(controlPlane.databaseUrl()));
  await Promise.all([database.fill(rows, onProgress), controlPlane.server.fillLog(rows)]);
  const short = (await database.rowCounts()).find((counted) => counted.rows < rows);
  if (short !== undefined) throw new Error(`${short.table} lost rows before the measurement`);
  const server = { ...controlPlane.server, walBytes: database.walBytes };
  const { desks, people: persons } = controlPlane.market;
  const { issuer } = controlPlane;
  const asked = { name, server, issuer, clients: desks, resource: venueOrders, scope: consentedScope };
  onProgress('people sign in');
  const people = await signIn(asked, persons);
  const flows = await completeFlows(asked, people.slice(0, consents));
  return { controlPlane, server, database, asked, people, consents: flows };
}
