import type { VenueAlgorithm } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import type { Side, TimeInForce } from '@countersign/market';

/** What the broker does at a venue. There is no operation that moves assets or changes keys. */
export type VenueOperation = 'place' | 'cancel' | 'read';

/** An order as the venue needs it, taken from the intent and the key's definition only. */
export interface VenueOrder {
  readonly symbol: string;
  readonly side: Side;
  /** Canonical decimals. */
  readonly quantity: string;
  /** Absent for a market order. */
  readonly price: string | undefined;
  readonly timeInForce: TimeInForce;
  /** Our name of the order: the transaction id. */
  readonly clientOrderId: string;
}

/** A request before its signature. */
export interface VenueRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Exactly as on the venue's list. */
  readonly path: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** How the parameters travel. */
  readonly carriedAs: 'query' | 'form' | 'json';
  /** For `json`: the body, made from the parameters. */
  readonly json?: object;
}

/** A signed request, exactly as it has to be sent. */
export interface SignedVenueRequest {
  readonly method: VenueRequest['method'];
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Signs with the key of the account. The key itself stays inside. */
export interface VenueSigner {
  readonly algorithm: VenueAlgorithm;
  /** For `hmac`: HMAC with this hash; the venue says how its secret is encoded. */
  hmac(hash: 'sha256' | 'sha512', octets: string | Uint8Array, secret: 'text' | 'base64'): Buffer;
  /** For `ed25519`, and for `es256` in JOSE form. */
  sign(octets: string | Uint8Array): Buffer;
}

export interface SigningMoment {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Rises with each request of this key, on all nodes. */
  readonly nonce: bigint;
}

/** What an endpoint of a venue is for, and which parameters it has. */
export interface VenueEndpoint {
  readonly operation: VenueOperation;
  readonly method: VenueRequest['method'];
  readonly path: string;
  readonly parameters: readonly string[];
}

/** Asks the venue what a key may do. Only the approval of a key's definition uses it. */
export interface VenueProbe {
  request(signer: VenueSigner, moment: SigningMoment): SignedVenueRequest;
  /** Whether trading is all that the key can do. An answer that does not say so counts as no. */
  isTradeOnly(answer: Json): boolean;
}

/** One venue: its endpoints and how its requests are built and signed. */
export interface VenueForm {
  /** Everything that can be signed at all. */
  readonly endpoints: readonly VenueEndpoint[];
  /**
   * Whether the signature covers everything that says what is ordered. If not, the signed request is never given to the caller, who
   * could use it for another order: the broker sends it.
   */
  readonly bindsOrder: boolean;
  /** @throws CodedError `venue_order_invalid` for an order that the venue cannot express */
  place(order: VenueOrder): VenueRequest;
  cancel(order: Pick<VenueOrder, 'symbol' | 'clientOrderId'>): VenueRequest;
  sign(request: VenueRequest, signer: VenueSigner, moment: SigningMoment): SignedVenueRequest;
  /** Absent where the venue has no such question. */
  readonly probe?: VenueProbe;
}

/** Percent-encoding of form values, the same everywhere: no space as `+`, upper-case hexadecimal. */
export function encodeForm(parameters: VenueRequest['parameters']): string {
  return parameters.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
