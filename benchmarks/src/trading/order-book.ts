import type { Mandate } from '@countersign/contracts';
import { performed } from '../performed.ts';
import type { House } from './firms.ts';
import { giveMandates } from './given-mandates.ts';
import { type OpenOrder, type OrderStep, openOrder, orderSteps, takeStep } from './orders.ts';
import type { TradingSite } from './trading-site.ts';

/** Callers at once where nothing is measured. */
const besides = 32;

/** Orders of a site: opened as they are wanted, each numbered on from the last. */
export interface OrderBook {
  open(count: number): Promise<readonly OpenOrder[]>;
  /** Opens orders and carries them on, up to this step or to their end. */
  carried(count: number, until?: OrderStep): Promise<readonly OpenOrder[]>;
}

/** Begins with the mandates that the orders are placed under. */
export async function createOrderBook(site: TradingSite): Promise<OrderBook> {
  const { consentStore, registry } = site;
  const mandates: ReadonlyMap<House, Mandate> = await giveMandates(consentStore);
  let opened = 0;
  const open = async (count: number): Promise<readonly OpenOrder[]> => {
    const orders: OpenOrder[] = [];
    const numbers = Array.from({ length: count }, () => opened++);
    await performed(besides, numbers, async (number) => orders.push(await openOrder(site, mandates, number)));
    return orders;
  };
  return {
    open,
    async carried(count, until = 'settle') {
      const orders = await open(count);
      for (const step of orderSteps.slice(0, orderSteps.indexOf(until) + 1))
        await performed(besides, orders, (order) => takeStep(registry, order, step));
      return orders;
    },
  };
}
