/** What is asked of another process. */
export interface PeerCall {
  readonly contract: string;
  readonly method: string;
  /** JSON text. */
  readonly body: string;
  /** From now until the caller gives up, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether it does no harm to ask twice. */
  readonly repeatable: boolean;
  /** Whether it may go in one request with others of its method: for what is asked often, by many at once. */
  readonly gathered?: boolean;
}
