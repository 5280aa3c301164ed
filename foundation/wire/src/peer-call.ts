export interface PeerCall {
  readonly contract: string;
  readonly method: string;
  /** JSON text. */
  readonly body: string;
  /** Time until the caller gives up, in milliseconds. */
  readonly timeoutMs: number;
  readonly repeatable: boolean;
  /** Whether it may share a request with other calls of its method. */
  readonly gathered?: boolean;
}
