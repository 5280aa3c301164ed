import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isCodedError, type MandateId } from '@countersign/kernel';
import { type Client, createTransport, stepOf, type Token } from '@countersign/sdk';
import { freePort, startTestServer, type TestServer } from '@countersign/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { endAll, type ServerProcess, startServer } from './testing/command.ts';
import { configurationIn, type Operator, operatorOf } from './testing/control-plane.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { claimsOf, mandateTerms, openTrading, type Trading } from './testing/trading.ts';

// Two compiled processes and one database: however many orders arrive at once, at either process, and whichever dies on the
// way, a limit of a mandate or of the policies is never exceeded, and can be used completely.

const folder = scratchFolder();
const callers = 64;
/** How many orders of the size below fit into a daily limit of a mandate. */
const fitting = 20;
const size = 202_500;

let database: TestServer;
/** Watches the database, and blocks it where a process is to die. */
let superuser: pg.Client;
let processes: ServerProcess[];
let configurations: readonly [string, string];
let operator: Operator;
let trading: Trading;
let brokers: readonly [Broker, Broker];

interface Broker {
  readonly client: Client;
  readonly issuer: string;
}

beforeAll(async () => {
  database = await startTestServer();
  superuser = new pg.Client(database.connection);
  await superuser.connect();
  const configuration = await configurationIn(folder.path, { database: database.connection });
  const { issuer } = configuration;
  const port = await freePort();
  const written = (name: string, content: object): string => {
    const file = join(folder.path, name);
    writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
    return file;
  };
  configurations = [
    written('first.json', configuration),
    written('second.json', { ...configuration, listen: { ...configuration.listen, port } }),
  ];
  processes = [await startServer(['--config', configurations[0]])];
  processes.push(await startServer(['--config', configurations[1]]));
  operator = operatorOf(folder.path, issuer);
  trading = await openTrading({ issuer, operator });
  const brokerAt = async (address: string): Promise<Broker> => {
    const transport = createTransport();
    const client = trading.firms.client('brk-orders', {
      transport: { send: (request) => transport.send({ ...request, url: request.url.replace(issuer, address) }) },
    });
    const request = { resource: `${issuer}/transactions`, scope: 'order:read' };
    // The second process learns of it a moment later.
    await vi.waitFor(() => client.clientCredentials(request), { timeout: 60_000, interval: 200 });
    return { client, issuer };
  };
  brokers = [await brokerAt(issuer), await brokerAt(`http://127.0.0.1:${port}`)];
}, 120_000);
afterAll(async () => {
  await trading?.stop();
  await superuser?.end();
  await endAll();
  await database?.stop();
  folder.remove();
}, 120_000);

/** A mandate with a daily limit for this many orders, and orders under it ready for submission. */
async function ordersUnder(
  count: number,
): Promise<{ readonly mandate: MandateId; readonly orders: readonly string[] }> {
  const mandate = await mandateFor(fitting * size);
  return { mandate, orders: await placed(count, async () => trading.traderToken(trading.order(mandate))) };
}

async function mandateFor(euroPerDay: number): Promise<MandateId> {
  const terms = mandateTerms({
    notionalPerOrder: { amount: '1000000', ccy: 'EUR' },
    notionalPerDay: { amount: String(euroPerDay), ccy: 'EUR' },
  });
  const mandate = await trading.propose('am-mandates', terms);
  await trading.accept('ha-mandates', mandate);
  return mandate;
}

/** @returns this many transactions, each with a token of its own */
async function placed(count: number, tokenOf: (index: number) => Promise<Token>): Promise<readonly string[]> {
  const orders: string[] = [];
  while (orders.length < count) {
    const some = Array.from({ length: Math.min(8, count - orders.length) }, (_, index) => orders.length + index);
    const tokens = await Promise.all(some.map(tokenOf));
    orders.push(...tokens.map((token) => String(claimsOf(token)['txn'])));
  }
  return orders;
}

/** A token for the step that submits an order, obtained beforehand: none are issued while the log is blocked. */
function submitToken(order: string, on: 0 | 1): Promise<Token> {
  const { client, issuer } = brokers[on];
  return client.clientCredentials({
    resource: `${issuer}/transactions`,
    scope: 'order:create',
    authorizationDetails: [stepOf({ issuer, transaction: order, event: 'submit' })],
  });
}

/** @returns the outcome: `submitted`, the code of the refusal, or `lost` without an answer */
async function submit(order: string, on: 0 | 1, key = `submit-${order}`, held?: Token): Promise<string> {
  const { client, issuer } = brokers[on];
  const url = `${issuer}/transactions/${order}/transitions`;
  try {
    const token = held ?? (await submitToken(order, on));
    await client.callOrThrow(token, { method: 'POST', url, idempotencyKey: key, body: { event: 'submit', body: {} } });
    return 'submitted';
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return error.code === 'control_plane_unreachable' ? 'lost' : error.code;
  }
}

async function rows<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
  return (await superuser.query<Row>(text, [...values])).rows;
}
async function submittedOf(orders: readonly string[]): Promise<number> {
  const found = await rows(
    `select id from transaction_registry.transactions where id = any($1) and state = 'submitted'`,
    [orders],
  );
  return found.length;
}
async function holdsOf(orders: readonly string[], state: string): Promise<number> {
  const found = await rows('select 1 from policy_engine.limit_holds where reservation = any($1) and state = $2', [
    orders,
    state,
  ]);
  return found.length;
}
/** The total count of a limit under a key. */
async function countedOf(limit: string, key: string): Promise<string | undefined> {
  const [sum] = await rows<{ readonly amount: string }>(
    `select trim_scale(sum(s.amount))::text as amount from policy_engine.limit_sums s
       join policy_engine.limit_counters c on c.id = s.counter where c.limit_id = $1 and c.key = $2`,
    [limit, key],
  );
  return sum?.amount;
}
/** The limit readings recorded with each permitted order. */
async function readingsOf(orders: readonly string[]): Promise<readonly Readonly<Record<string, string>>[]> {
  const records = await operator.records({ type: 'transaction.transitioned' });
  return records
    .filter(({ transaction }) => transaction !== undefined && orders.includes(transaction))
    .flatMap(({ data }) => (data as { readonly limits: readonly Readonly<Record<string, string>>[] }).limits);
}
const eventually = (check: () => Promise<void>, timeout = 60_000) => vi.waitFor(check, { timeout, interval: 50 });

/** Locks a table, so that nobody can write to it until it is released. */
async function hold(table: string): Promise<{ letGo(): Promise<void> }> {
  const client = new pg.Client(database.connection);
  await client.connect();
  await client.query('begin');
  await client.query(`lock table ${table} in exclusive mode`);
  return {
    async letGo() {
      await client.query('rollback');
      await client.end();
    },
  };
}

describe('sixty-four concurrent orders on two processes', () => {
  it('use exactly the limit, and each reading includes all earlier ones', async () => {
    const { mandate, orders } = await ordersUnder(callers);
    const told = await Promise.all(orders.map((order, index) => submit(order, index % 2 === 0 ? 0 : 1)));
    expect(told.filter((answer) => answer === 'submitted')).toHaveLength(fitting);
    expect(new Set(told)).toEqual(new Set(['submitted', 'notional_per_day']));
    expect(await submittedOf(orders)).toBe(fitting);

    const readings = await readingsOf(orders);
    const steps = Array.from({ length: fitting }, (_, index) => index * size);
    const usedOf = (key: string) =>
      readings
        .filter((reading) => reading['key'] === key)
        .map((reading) => Number(reading['used']))
        .sort((a, b) => a - b);
    expect(usedOf(`mandate:${mandate}`)).toEqual(steps);
    await eventually(async () => expect(await holdsOf(orders, 'committed')).toBe(fitting));
  }, 120_000);
});

describe('sixty-four concurrent orders under two mandates, on two processes', () => {
  const limit = 'trader-hour-notional';
  const mostOfAnHour = 20_000_000;
  const each = 950_000;
  const some = Math.floor(mostOfAnHour / each);
  const rest = mostOfAnHour - some * each;

  it('use exactly a limit of the policies, and each reading includes all earlier ones', async () => {
    // More than a trader may place in an hour, under mandates that would permit all of it.
    const { id: trader, subject } = trading.firms.people.colleague;
    const mandates = [await mandateFor(callers * each), await mandateFor(callers * each)] as const;
    const ordersOf = (count: number, euro: number) =>
      placed(count, async (index) =>
        trading.traderToken(
          trading.order(mandates[index % 2 === 0 ? 0 : 1], {
            limit_price: undefined,
            max_notional: { amount: String(euro), ccy: 'EUR' },
          }),
          await trading.assertion({}, subject),
        ),
      );
    const orders = await ordersOf(callers, each);
    // Either process has orders under either mandate.
    const told = await Promise.all(orders.map((order, index) => submit(order, index % 4 < 2 ? 0 : 1)));
    expect(told.filter((answer) => answer === 'submitted')).toHaveLength(some);
    expect(new Set(told)).toEqual(new Set(['submitted', 'limit_exceeded']));
    expect(await submittedOf(orders)).toBe(some);
    expect(await countedOf(limit, `trader=${trader}`)).toBe(String(some * each));
    await eventually(async () => expect(await holdsOf(orders, 'committed')).toBe(some));

    const readings = await readingsOf(orders);
    const used = readings.filter((reading) => reading['limit'] === limit).map((reading) => Number(reading['used']));
    expect(used.sort((a, b) => a - b)).toEqual(Array.from({ length: some }, (_, index) => index * each));
    // No unit is lost: the rest can be used completely, and then there is nothing left.
    const [last, beyond] = await ordersOf(2, rest);
    expect(await submit(String(last), 1)).toBe('submitted');
    expect(await submit(String(beyond), 0)).toBe('limit_exceeded');
    expect(await countedOf(limit, `trader=${trader}`)).toBe(String(mostOfAnHour));
  }, 120_000);
});

describe('a killed process', () => {
  const some = 4;
  let unfinished: Awaited<ReturnType<typeof ordersUnder>>;
  let finished: Awaited<ReturnType<typeof ordersUnder>>;

  const kill = async (): Promise<void> => {
    expect(await processes[1]?.end('SIGKILL')).toBe('SIGKILL');
  };

  it('between a reservation and the order leaves the amounts counted for now', async () => {
    unfinished = await ordersUnder(fitting + some);
    const dying = unfinished.orders.slice(0, some);
    // An order that waits for its record has reserved, and is not submitted.
    const tokens = await Promise.all(dying.map((order) => submitToken(order, 1)));
    const log = await hold('audit_log.entries');
    const pending = Promise.all(dying.map((order, index) => submit(order, 1, undefined, tokens[index])));
    await eventually(async () => expect(await holdsOf(dying, 'reserved')).toBe(some));
    await kill();
    await log.letGo();
    const answers = await pending;
    expect(new Set(answers)).toEqual(new Set(['lost']));
    expect(await submittedOf(dying)).toBe(0);
  }, 120_000);

  it('between an order and the end of its reservation leaves the order in place', async () => {
    processes[1] = await startServer(['--config', configurations[1]]);
    finished = await ordersUnder(fitting + some);
    const dying = finished.orders.slice(0, some);
    const tokens = await Promise.all(dying.map((order) => submitToken(order, 1)));
    const log = await hold('audit_log.entries');
    const pending = Promise.all(dying.map((order, index) => submit(order, 1, undefined, tokens[index])));
    await eventually(async () => expect(await holdsOf(dying, 'reserved')).toBe(some));
    // Now the orders may continue, but their reservations cannot be committed or released.
    const holds = await hold('policy_engine.limit_holds');
    await log.letGo();
    await eventually(async () => expect(await submittedOf(dying)).toBe(some));
    const asking = `from pg_stat_activity
      where wait_event_type = 'Lock' and query like 'update limit_holds%set state = case%'`;
    await eventually(async () => expect(await rows(`select pid ${asking}`, [])).toHaveLength(some));
    await kill();
    // The database would complete the statements of the dead process: terminating them is as if it had died before sending
    // them.
    expect(await rows(`select pg_terminate_backend(pid) ${asking}`, [])).toHaveLength(some);
    await holds.letGo();
    const answers = await pending;
    expect(new Set(answers)).toEqual(new Set(['lost']));
    expect(await holdsOf(dying, 'reserved')).toBe(some);
  }, 120_000);

  it('leaves nothing stuck: the other process settles its reservations, and the whole limit can be used', async () => {
    // Submitted orders count, the others are free: twenty orders are placed under either mandate in the end, and no more.
    for (const { orders } of [unfinished, finished]) {
      let round = 0;
      await eventually(async () => {
        round += 1;
        await Promise.all(orders.map((order) => submit(order, 0, `round-${round}-${order}`)));
        expect(await submittedOf(orders)).toBe(fitting);
      }, 120_000);
    }
    const all = [...unfinished.orders, ...finished.orders];
    await eventually(async () => {
      expect(await holdsOf(all, 'committed')).toBe(2 * fitting);
      expect(await holdsOf(all, 'reserved')).toBe(0);
    }, 120_000);
    for (const { orders } of [unfinished, finished]) {
      const told = await Promise.all(orders.map((order) => submit(order, 0, `last-${order}`)));
      expect(new Set(told)).toEqual(new Set(['transition_out_of_order', 'notional_per_day']));
      expect(await submittedOf(orders)).toBe(fitting);
    }
    expect(processes[0]?.said()).not.toContain('by a fault of ours');
  }, 180_000);
});
