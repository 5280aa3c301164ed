import { errorVocabulary } from '@countersign/kernel';

export const outboundErrors = errorVocabulary({
  /** Not https, or an address inside our own network: a URL that a partner wrote is not let near it. */
  outbound_address_refused: 'invalid',
  /** No answer in time, too much of it, a redirect, or not what was asked for. */
  outbound_failed: 'unavailable',
});

/** Fields of a signed message (RFC 9421, RFC 9530). */
export const signatureFields = ['content-digest', 'signature-input', 'signature'] as const;
export type SignatureFields = Readonly<Partial<Record<(typeof signatureFields)[number], string>>>;

/**
 * Requests to addresses that others have written: client key sets, logout and ping endpoints. Https alone (plain
 * http on loopback in development), addresses of our own networks refused after the name was resolved, no
 * redirects, time and size bounded.
 */
export interface Outbound {
  /** @throws CodedError of {@link outboundErrors} */
  getJson(url: string, limits?: { readonly timeoutMs?: number; readonly maxBytes?: number }): Promise<unknown>;
  /** Posts a small body and reads only the status. @throws CodedError of {@link outboundErrors} */
  post(
    url: string,
    message: {
      readonly contentType:
        | 'application/x-www-form-urlencoded'
        | 'application/json'
        | 'application/cloudevents+json'
        | 'application/secevent+jwt';
      readonly body: string;
      readonly authorization?: string;
      /** A signature over the message, and nothing else: what is sent to whom stays ours to say. */
      readonly headers?: SignatureFields;
      readonly timeoutMs?: number;
    },
  ): Promise<{ readonly status: number }>;
}

/**
 * Requests to addresses that the operator has configured (witnesses, authorities for time stamps), which may lie in its
 * own networks. Https (plain http on loopback alone, unless it is said to be enough), no redirects, time and size bounded.
 */
export interface ConfiguredExchange {
  /**
   * Posts a body and reads the whole answer, whatever its status.
   *
   * @throws CodedError `outbound_failed`; `outbound_address_refused` for an address that is no https
   */
  exchange(
    url: string,
    message: {
      readonly contentType: string;
      readonly body: string | Uint8Array;
      /** Value of the header `Accept`. */
      readonly accept?: string;
      /** Value of the header `Authorization`. */
      readonly authorization?: string;
      /** What is answered is signed, and plain http is enough for it. */
      readonly plainHttp?: boolean;
      /** Of the whole exchange; 5,000 by default. */
      readonly timeoutMs?: number;
      /** Of the answer; 65,536 by default. */
      readonly maxBytes?: number;
    },
  ): Promise<{ readonly status: number; readonly contentType: string | undefined; readonly body: Buffer }>;
}

/** Documents at addresses that the operator has configured; as {@link ConfiguredExchange}. */
export interface ConfiguredDocuments {
  /**
   * The body of a document.
   *
   * @param limits.plainHttp what is fetched is signed, and plain http is enough for it
   * @param limits.maxBytes 65,536 by default
   * @param limits.timeoutMs 5,000 by default
   * @throws CodedError `outbound_failed`, also for any status but 200; `outbound_address_refused`
   */
  get(
    url: string,
    limits?: { readonly plainHttp?: boolean; readonly timeoutMs?: number; readonly maxBytes?: number },
  ): Promise<Buffer>;
}

/** A form to an address that a partner has written; as {@link Outbound}. */
export interface OutboundForm {
  /**
   * Posts a form and reads the JSON that is answered, whatever the status.
   *
   * @throws CodedError of {@link outboundErrors}
   */
  postForm(
    url: string,
    form: Readonly<Record<string, string>>,
    limits?: { readonly timeoutMs?: number; readonly maxBytes?: number },
  ): Promise<{ readonly status: number; readonly body: unknown }>;
}

/** {@link ConfiguredExchange} and {@link ConfiguredDocuments} for another process, which says who vouches for the server. */
export interface ConfiguredRequests {
  /** @param authorities PEM; the system's when null */
  exchangeFor(
    authorities: string | null,
    url: string,
    message: Omit<Parameters<ConfiguredExchange['exchange']>[1], 'body'> & { readonly body: Uint8Array },
  ): ReturnType<ConfiguredExchange['exchange']>;
  getFor(
    authorities: string | null,
    url: string,
    limits: NonNullable<Parameters<ConfiguredDocuments['get']>[1]>,
  ): ReturnType<ConfiguredDocuments['get']>;
}
