import type { InProcess } from '../in-process.ts';
import { fillLogWithTransactions } from '../servers/fill-log.ts';
import type { Starter } from '../starter.ts';
import { countTransactions, fillTransactions } from './filled-transactions-store.ts';
import { createOrderBook, type OpenOrder, type OrderBook } from './orders.ts';
import { startTradingSite, type TradingSite } from './trading-site.ts';

/** A site that trades. */
export interface Trading {
  readonly name: string;
  readonly site: TradingSite;
  readonly orders: OrderBook;
  /** Orders that were carried to their end, from the beginning of the log to its end. */
  readonly settled: readonly OpenOrder[];
}

interface Options {
  readonly inProcess: Pick<InProcess, 'scratch' | 'logger'>;
  readonly started: Starter;
  readonly onProgress: (message: string) => void;
}

/** What the copies are made of: nearly all transactions have come to their end. */
const modelsSettled = 44;
const modelsUnderWay = 2;
/** The log grows in so many stretches, with orders that are carried to their end between them. */
const stretches = 10;

/** A site without anything in it but what trading begins with, and these orders. */
export async function emptyTrading(settled: number, options: Options): Promise<Trading> {
  options.onProgress('a site without transactions');
  const site = await startTradingSite(options);
  const orders = await createOrderBook(site);
  return { name: 'nothing before', site, orders, settled: await orders.carried(settled) };
}

/** A site with so many transactions in its tables and in its log, these orders scattered among them. */
export async function grownTrading(count: number, settled: number, options: Options): Promise<Trading> {
  const name = `${count.toLocaleString('en-US')} transactions`;
  const onProgress = (message: string): void => options.onProgress(`a site with ${name}: ${message}`);
  onProgress('starting');
  const site = await startTradingSite(options);
  const orders = await createOrderBook(site);
  const models = [
    ...(await orders.carried(modelsSettled)),
    ...(await orders.open(modelsUnderWay)),
    ...(await orders.carried(modelsUnderWay, 'submit')),
    ...(await orders.carried(modelsUnderWay, 'execute')),
  ].map(({ id }) => id);
  await fillTransactions(site.owner, models, count, (said) => onProgress(`tables: ${said}`));
  const scattered = await growLog(site, orders, count, settled, onProgress);
  if ((await countTransactions(site.owner)) < count)
    throw new Error('transactions were lost before anything was measured');
  // What has been appended is on the disk and known to plans, as it is in a log that has stood a while.
  await site.owner.query('vacuum (analyze)');
  await site.owner.query('checkpoint');
  return { name, site, orders, settled: scattered };
}

async function growLog(
  { auditLog }: TradingSite,
  orders: OrderBook,
  count: number,
  settled: number,
  onProgress: (message: string) => void,
): Promise<readonly OpenOrder[]> {
  const scattered: OpenOrder[] = [];
  for (let stretch = 0; stretch < stretches; stretch++) {
    const [from, to] = [stretch, stretch + 1].map((end) => Math.floor((count * end) / stretches));
    onProgress(`log: ${(to ?? 0).toLocaleString('en-US')} transactions`);
    await fillLogWithTransactions(auditLog, { from: (from ?? 0) + 1, to: to ?? 0 });
    scattered.push(...(await orders.carried(Math.ceil(settled / stretches))));
  }
  return scattered;
}
