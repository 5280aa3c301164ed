import type { VenueAlgorithm } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import type { Side, TimeInForce } from '@countersign/market';

/** The operations of the broker at a venue. None moves assets or changes keys. */
export type VenueOperation = 'place' | 'cancel' | 'read';

/** An order in the terms of the venue, taken from the intent and the key's definition only. */
export interface VenueOrder {
  readonly symbol: string;
  readonly side: Side;
  /** Canonical decimals. */
  readonly quantity: string;
  /** Absent for a market order. */
  readonly price: string | undefined;
  readonly timeInForce: TimeInForce;
  /** The transaction id. */
  readonly clientOrderId: string;
}

/** A request before its signature. */
export interface VenueRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Exactly as on the venue's list. */
  readonly path: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** Where the parameters are sent. */
  readonly carriedAs: 'query' | 'form' | 'json';
  /** For `json`: the body, made from the parameters. */
  readonly json?: object;
}

/** A signed request, exactly as it must be sent. */
export interface SignedVenueRequest {
  readonly method: VenueRequest['method'];
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Signs with the key of the account, and does not reveal it. */
export interface VenueSigner {
  readonly algorithm: VenueAlgorithm;
  /** For `hmac`: HMAC with this hash; the venue specifies the encoding of its secret. */
  hmac(hash: 'sha256' | 'sha512', octets: string | Uint8Array, secret: 'text' | 'base64'): Buffer;
  /** For `ed25519`, and for `es256` in JOSE form. */
  sign(octets: string | Uint8Array): Buffer;
}

export interface SigningMoment {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Increases with each request of this key, on all nodes. */
  readonly nonce: bigint;
}

/** The purpose of an endpoint, and its parameters. */
export interface VenueEndpoint {
  readonly operation: VenueOperation;
  readonly method: VenueRequest['method'];
  readonly path: string;
  readonly parameters: readonly string[];
}

/** Asks the venue for the permissions of a key. Only the approval of a key's definition uses it. */
export interface VenueProbe {
  request(signer: VenueSigner, moment: SigningMoment): SignedVenueRequest;
  /** Whether trading is the only permission. False if the answer does not say so. */
  isTradeOnly(answer: Json): boolean;
}

/** One venue: its endpoints and how its requests are built and signed. */
export interface VenueForm {
  /** All endpoints that can be signed for. */
  readonly endpoints: readonly VenueEndpoint[];
  /**
   * Whether the signature covers the whole order. If not, the signed request never goes to the caller, who could use it
   * for another order: the broker sends it.
   */
  readonly bindsOrder: boolean;
  /** @throws CodedError `venue_order_invalid` for an order that the venue cannot express */
  place(order: VenueOrder): VenueRequest;
  cancel(order: Pick<VenueOrder, 'symbol' | 'clientOrderId'>): VenueRequest;
  sign(request: VenueRequest, signer: VenueSigner, moment: SigningMoment): SignedVenueRequest;
  /** Absent where the venue cannot be asked. */
  readonly probe?: VenueProbe;
}

/** Percent-encoding of form values, the same everywhere: no space as `+`, upper-case hexadecimal. */
export function encodeForm(parameters: VenueRequest['parameters']): string {
  return parameters.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
