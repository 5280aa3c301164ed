import { errorVocabulary } from '@countersign/kernel';

export const outboundErrors = errorVocabulary({
  /** Not https, or an address inside our own network, which a partner's URL must not reach. */
  outbound_address_refused: 'invalid',
  /** No answer in time, an oversized answer, a redirect, or an unexpected media type. */
  outbound_failed: 'unavailable',
});

/** Fields of a signed message (RFC 9421, RFC 9530). */
export const signatureFields = ['content-digest', 'signature-input', 'signature'] as const;
export type SignatureFields = Readonly<Partial<Record<(typeof signatureFields)[number], string>>>;

/**
 * Requests to URLs from third parties: client key sets, logout and ping endpoints. Only https (plain http on loopback in
 * development); addresses of our own networks are refused after name resolution; no redirects; time and size are bounded.
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
      /** Only a signature over the message. All other headers are fixed. */
      readonly headers?: SignatureFields;
      readonly timeoutMs?: number;
    },
  ): Promise<{ readonly status: number }>;
}

/** Headers in which trading venues expect the name of a key and the signature. */
export const venueHeaderNames = ['x-mbx-apikey', 'api-key', 'api-sign'] as const;
export type VenueHeaders = Readonly<Partial<Record<(typeof venueHeaderNames)[number], string>>>;

/**
 * Requests to addresses that the operator has configured (witnesses, time-stamp authorities), which may be in its own networks.
 * Https (plain http only on loopback, unless `plainHttp` is set), no redirects, time and size bounded.
 */
export interface ConfiguredExchange {
  /**
   * Posts a body and reads the whole answer, whatever its status.
   *
   * @throws CodedError `outbound_failed`; `outbound_address_refused` for an address that is not https
   */
  exchange(
    url: string,
    message: {
      /** `POST` when left out. A `GET` or `DELETE` has no body. */
      readonly method?: 'POST' | 'GET' | 'DELETE';
      /** Signatures that trading venues read from headers of their own. All other headers are fixed. */
      readonly venueHeaders?: VenueHeaders;
      readonly contentType: string;
      readonly body: string | Uint8Array;
      /** Value of the header `Accept`. */
      readonly accept?: string;
      /** Value of the header `Authorization`. */
      readonly authorization?: string;
      /** Allow plain http, because the answer is signed. */
      readonly plainHttp?: boolean;
      /** Of the whole exchange; 5,000 by default. */
      readonly timeoutMs?: number;
      /** Of the answer; 65,536 by default. */
      readonly maxBytes?: number;
    },
  ): Promise<{ readonly status: number; readonly contentType: string | undefined; readonly body: Buffer }>;
}

/** Reads documents under the rules of {@link ConfiguredExchange}. */
export interface ConfiguredDocuments {
  /**
   * The body of a document.
   *
   * @param limits.plainHttp allow plain http, because the document is signed
   * @param limits.maxBytes 65,536 by default
   * @param limits.timeoutMs 5,000 by default
   * @throws CodedError `outbound_failed`, also for any status but 200; `outbound_address_refused`
   */
  get(
    url: string,
    limits?: {
      readonly plainHttp?: boolean;
      readonly timeoutMs?: number;
      readonly maxBytes?: number;
      /** Value of the header `Authorization`. */
      readonly authorization?: string;
    },
  ): Promise<Buffer>;
}

/** Posts a form under the rules of {@link Outbound}. */
export interface OutboundForm {
  /**
   * Posts a form and reads the JSON answer, whatever its status.
   *
   * @throws CodedError of {@link outboundErrors}
   */
  postForm(
    url: string,
    form: Readonly<Record<string, string>>,
    limits?: { readonly timeoutMs?: number; readonly maxBytes?: number },
  ): Promise<{ readonly status: number; readonly body: unknown }>;
}

/** {@link ConfiguredExchange} and {@link ConfiguredDocuments} for another process, which supplies the trusted authorities. */
export interface ConfiguredRequests {
  /** @param authorities PEM; null for the system's authorities */
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
