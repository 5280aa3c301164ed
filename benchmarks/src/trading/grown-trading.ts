import { analyseAndCheckpoint } from '../growth/owner-pool.ts';
import type { InProcess } from '../in-process.ts';
import { fillLogWithTransactions } from '../servers/fill-log.ts';
import { about, type Progress, type Run } from '../starter.ts';
import { countTransactions, fillTransactions } from './filled-transactions-store.ts';
import { createOrderBook, type OpenOrder, type OrderBook } from './orders.ts';
import { startTradingSite, type TradingSite } from './trading-site.ts';

export interface Trading {
  readonly name: string;
  readonly site: TradingSite;
  readonly orders: OrderBook;
  /** Settled orders, scattered over the log. */
  readonly settled: readonly OpenOrder[];
}

interface Options extends Pick<Run, 'started' | 'onProgress'> {
  readonly inProcess: Pick<InProcess, 'scratch' | 'logger'>;
}

/** The models of the copies: nearly all are settled. */
const modelsSettled = 44;
const modelsUnderWay = 2;
/** The log grows in this many stretches, with settled orders between them. */
const stretches = 10;

/** A site with only these settled orders. */
export async function emptyTrading(settled: number, options: Options): Promise<Trading> {
  options.onProgress('a site without transactions');
  const site = await startTradingSite(options);
  const orders = await createOrderBook(site);
  return { name: 'nothing before', site, orders, settled: await orders.completed(settled) };
}

/** A site with this many transactions in its tables and log, and these settled orders scattered among them. */
export async function grownTrading(count: number, settled: number, options: Options): Promise<Trading> {
  const name = `${count.toLocaleString('en-US')} transactions`;
  const onProgress = about(`a site with ${name}`, options.onProgress);
  onProgress('starting');
  const site = await startTradingSite(options);
  const orders = await createOrderBook(site);
  const models = [
    ...(await orders.completed(modelsSettled)),
    ...(await orders.open(modelsUnderWay)),
    ...(await orders.completed(modelsUnderWay, 'submit')),
    ...(await orders.completed(modelsUnderWay, 'execute')),
  ].map(({ id }) => id);
  await fillTransactions(site.owner, models, count, about('tables', onProgress));
  const scattered = await growLog(site, orders, count, settled, onProgress);
  if ((await countTransactions(site.owner)) < count) throw new Error('transactions were lost before the measurement');
  await analyseAndCheckpoint(site.owner);
  return { name, site, orders, settled: scattered };
}

async function growLog(
  { auditLog }: TradingSite,
  orders: OrderBook,
  count: number,
  settled: number,
  onProgress: Progress,
): Promise<readonly OpenOrder[]> {
  const scattered: OpenOrder[] = [];
  for (let stretch = 0; stretch < stretches; stretch++) {
    const [from, to] = [stretch, stretch + 1].map((end) => Math.floor((count * end) / stretches));
    onProgress(`log: ${(to ?? 0).toLocaleString('en-US')} transactions`);
    await fillLogWithTransactions(auditLog, { from: (from ?? 0) + 1, to: to ?? 0 });
    scattered.push(...(await orders.completed(Math.ceil(settled / stretches))));
  }
  return scattered;
}
