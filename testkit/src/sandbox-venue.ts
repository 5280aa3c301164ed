import { createHash, createHmac, createPublicKey, verify } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a sandbox venue knows of the only key that it accepts. */
export interface SandboxKey {
  readonly name: string;
  /** Of an HMAC, as the venue showed it; or PEM of the public key. */
  readonly secret?: string;
  readonly publicKey?: string;
  /** Whether the key may move assets, which the venue says when it is asked. */
  readonly mayWithdraw?: boolean;
}

/** An order that the venue has accepted. */
export interface SandboxOrder {
  readonly id: string;
  readonly symbol: string;
  readonly side: string;
  readonly quantity: string;
  readonly price: string | undefined;
}

export interface SandboxVenue {
  readonly address: string;
  readonly orders: readonly SandboxOrder[];
  readonly cancelled: readonly string[];
  /** Requests that reached it with a valid signature, as method and path. */
  readonly signed: readonly string[];
  /** Requests that it refused, with the reason. */
  readonly refused: readonly string[];
  /** From now on it does not answer. */
  hang(): void;
  stop(): Promise<void>;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  readonly body: string;
  header(name: string): string;
}

interface Floor {
  readonly key: SandboxKey;
  readonly now: () => number;
  readonly host: string;
  readonly orders: SandboxOrder[];
  readonly cancelled: string[];
  lastNonce: bigint;
  readonly nonces: Set<string>;
}

class Refusal extends Error {}
const refuse = (reason: string): never => {
  throw new Refusal(reason);
};
const hmac = (hash: string, key: string | Buffer, text: string | Buffer, encoding: 'hex' | 'base64'): string =>
  createHmac(hash, key).update(text).digest(encoding);

/** Accepts an order unless one with its id is open. */
function accept(floor: Floor, order: SandboxOrder): void {
  if (floor.orders.some(({ id }) => id === order.id)) refuse('Duplicate order sent.');
  floor.orders.push(order);
}

type Venue = (asked: Asked, floor: Floor) => object;

/** Written from the documentation of the venues, and not with the code under test. */
const venues: Readonly<Record<'binance' | 'coinbase' | 'deribit' | 'kraken', Venue>> = {
  binance({ method, path, query, body, header }, floor) {
    if (header('x-mbx-apikey') !== floor.key.name) refuse('Invalid API-key');
    const total = query + body;
    const cut = total.lastIndexOf('&signature=');
    const payload = total.slice(0, cut);
    const signature = decodeURIComponent(total.slice(cut + '&signature='.length));
    const { secret, publicKey } = floor.key;
    const isValid =
      publicKey === undefined
        ? hmac('sha256', secret ?? '', payload, 'hex') === signature
        : verify(null, Buffer.from(payload), createPublicKey(publicKey), Buffer.from(signature, 'base64'));
    if (cut < 0 || !isValid) refuse('Signature for this request is not valid.');
    const parameters = new URLSearchParams(payload);
    const of = (name: string): string => parameters.get(name) ?? '';
    const age = floor.now() - Number(of('timestamp'));
    if (age > Number(of('recvWindow')) || age < -1_000)
      refuse('Timestamp for this request is outside of the recvWindow.');
    if (method === 'GET' && path === '/sapi/v1/account/apiRestrictions')
      return {
        ...{ ipRestrict: true, enableReading: true, enableSpotAndMarginTrading: true },
        ...{ enableWithdrawals: floor.key.mayWithdraw === true, enableInternalTransfer: false },
        permitsUniversalTransfer: false,
      };
    if (path === '/api/v3/order' && method === 'POST') {
      accept(floor, {
        id: of('newClientOrderId'),
        symbol: of('symbol'),
        side: of('side'),
        quantity: of('quantity'),
        price: parameters.get('price') ?? undefined,
      });
      return { clientOrderId: of('newClientOrderId'), status: 'NEW' };
    }
    if (path === '/api/v3/order' && method === 'DELETE') floor.cancelled.push(of('origClientOrderId'));
    return { path };
  },

  kraken({ path, body, header }, floor) {
    if (header('api-key') !== floor.key.name) refuse('EAPI:Invalid key');
    const parameters = new URLSearchParams(body);
    const nonce = parameters.get('nonce') ?? '';
    const digest = createHash('sha256')
      .update(nonce + body)
      .digest();
    const secret = Buffer.from(floor.key.secret ?? '', 'base64');
    if (hmac('sha512', secret, Buffer.concat([Buffer.from(path), digest]), 'base64') !== header('api-sign'))
      refuse('EAPI:Invalid signature');
    if (BigInt(nonce) <= floor.lastNonce) refuse('EAPI:Invalid nonce');
    floor.lastNonce = BigInt(nonce);
    if (path === '/0/private/AddOrder')
      accept(floor, {
        id: parameters.get('cl_ord_id') ?? '',
        symbol: parameters.get('pair') ?? '',
        side: parameters.get('type') ?? '',
        quantity: parameters.get('volume') ?? '',
        price: parameters.get('price') ?? undefined,
      });
    if (path === '/0/private/CancelOrder') floor.cancelled.push(parameters.get('cl_ord_id') ?? '');
    return { error: [], result: {} };
  },

  deribit({ method, path, query, body, header }, floor) {
    const secret = floor.key.secret ?? '';
    if (path === '/api/v2/public/auth') {
      const asked = new URLSearchParams(query);
      const text = `${asked.get('timestamp')}\n${asked.get('nonce')}\n${asked.get('data') ?? ''}`;
      if (asked.get('client_id') !== floor.key.name || hmac('sha256', secret, text, 'hex') !== asked.get('signature'))
        refuse('invalid_credentials');
      const wallet = floor.key.mayWithdraw === true ? 'wallet:read_write' : 'wallet:none';
      return {
        result: { access_token: 'of-the-sandbox', scope: `account:read trade:read_write ${wallet} mainaccount` },
      };
    }
    const parts = new Map(
      header('authorization')
        .replace('deri-hmac-sha256 ', '')
        .split(',')
        .map((part): [string, string] => {
          const [name = '', ...value] = part.split('=');
          return [name, value.join('=')];
        }),
    );
    const of = (name: string): string => parts.get(name) ?? '';
    const uri = query === '' ? path : `${path}?${query}`;
    const text = `${of('ts')}\n${of('nonce')}\n${method}\n${uri}\n${body}\n`;
    if (of('id') !== floor.key.name || hmac('sha256', secret, text, 'hex') !== of('sig')) refuse('invalid_credentials');
    if (floor.nonces.has(of('nonce'))) refuse('nonce used');
    floor.nonces.add(of('nonce'));
    if (Math.abs(floor.now() - Number(of('ts'))) > 60_000) refuse('request too old');
    const asked = new URLSearchParams(query);
    if (/\/private\/(?:buy|sell)$/.test(path))
      accept(floor, {
        id: asked.get('label') ?? '',
        symbol: asked.get('instrument_name') ?? '',
        side: path.endsWith('buy') ? 'buy' : 'sell',
        quantity: asked.get('amount') ?? '',
        price: asked.get('price') ?? undefined,
      });
    if (path.endsWith('/cancel_by_label')) floor.cancelled.push(asked.get('label') ?? '');
    return { result: {} };
  },

  coinbase({ method, path, body, header }, floor) {
    const [head = '', claims = '', signature = ''] = header('authorization').replace('Bearer ', '').split('.');
    const read = (part: string) =>
      JSON.parse(Buffer.from(part, 'base64url').toString() || '{}') as Record<string, unknown>;
    const { alg, kid } = read(head);
    const { uri, nbf, exp, sub } = read(claims);
    const key = createPublicKey(floor.key.publicKey ?? '');
    const octets = Buffer.from(`${head}.${claims}`);
    const bytes = Buffer.from(signature, 'base64url');
    const isValid =
      alg === 'EdDSA'
        ? verify(null, octets, key, bytes)
        : alg === 'ES256' && verify('sha256', octets, { key, dsaEncoding: 'ieee-p1363' }, bytes);
    if (!isValid || kid !== floor.key.name || sub !== kid) refuse('Unauthorized');
    const seconds = floor.now() / 1_000;
    if (Number(nbf) > seconds + 5 || Number(exp) < seconds || Number(exp) - Number(nbf) > 120) refuse('token expired');
    if (uri !== `${method} ${floor.host}${path}`) refuse('token for another request');
    if (path === '/api/v3/brokerage/key_permissions')
      return { can_view: true, can_trade: true, can_transfer: floor.key.mayWithdraw === true };
    if (method === 'POST' && path === '/api/v3/brokerage/orders') {
      const order = JSON.parse(body) as {
        readonly client_order_id: string;
        readonly product_id: string;
        readonly side: string;
        readonly order_configuration: Readonly<
          Record<string, { readonly base_size: string; readonly limit_price?: string }>
        >;
      };
      const [terms] = Object.values(order.order_configuration);
      accept(floor, {
        id: order.client_order_id,
        symbol: order.product_id,
        side: order.side,
        quantity: terms?.base_size ?? '',
        price: terms?.limit_price,
      });
    }
    return { success: true };
  },
};

/** A venue that verifies each signature, takes orders in memory, and refuses what the real one would. */
export async function startSandboxVenue(
  venue: keyof typeof venues,
  { key, now = Date.now }: { readonly key: SandboxKey; readonly now?: () => number },
): Promise<SandboxVenue> {
  const orders: SandboxOrder[] = [];
  const cancelled: string[] = [];
  const signed: string[] = [];
  const refused: string[] = [];
  let isHanging = false;
  const floor = { key, now, host: '', orders, cancelled, lastNonce: 0n, nonces: new Set<string>() };
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      if (isHanging) return;
      const [path = '', query = ''] = (request.url ?? '').split('?');
      const method = request.method ?? '';
      const header = (name: string): string => [request.headers[name] ?? ''].flat().join();
      response.setHeader('content-type', 'application/json');
      try {
        const answer = venues[venue]({ method, path, query, body, header }, floor);
        signed.push(`${method} ${path}`);
        response.end(JSON.stringify(answer));
      } catch (error) {
        const reason = error instanceof Refusal ? error.message : 'malformed';
        refused.push(`${method} ${path}: ${reason}`);
        response.statusCode = 400;
        response.end(JSON.stringify({ error: reason }));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  floor.host = `127.0.0.1:${port}`;
  return {
    ...{ address: `http://127.0.0.1:${port}`, orders, cancelled, signed, refused },
    hang() {
      isHanging = true;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}
