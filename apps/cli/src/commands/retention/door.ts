import type { Connection } from '../../connection.ts';

export type RetentionScope =
  | 'retention:read'
  | 'retention:propose'
  | 'retention:approve'
  | 'legalhold:place'
  | 'legalhold:release'
  | 'erasure:propose'
  | 'erasure:approve';

export interface Person {
  readonly id: string;
}

export interface Survey {
  readonly class: string;
  readonly records: number;
  readonly bytes: number;
  readonly due: number;
  readonly held: number;
  readonly oldest?: string;
}

export type Years = Readonly<Record<string, number>>;

export type Change =
  | { readonly kind: 'schedule'; readonly presets: readonly string[]; readonly years: Years }
  | { readonly kind: 'pruning'; readonly class: string; readonly before: string };

export interface SimulationView {
  readonly id: string;
  readonly change: Change;
  readonly holds: number;
  readonly would: readonly Survey[];
  readonly now: readonly Survey[];
}

/** What waits for a second person, or has had one. */
export interface DecidedView {
  readonly id: string;
  readonly status: string;
  readonly proposedBy: Person;
  readonly expiresAt: string;
  readonly reason: string;
  readonly digest: string;
  readonly decidedBy?: Person;
  readonly decisionReason?: string;
}

export interface ProposalView extends DecidedView {
  readonly change: Change;
  readonly simulation: SimulationView;
  readonly pruned?: { readonly count: number; readonly held: number; readonly needed: number };
  readonly progress?: { readonly done: number; readonly of: number };
}

export interface KeyView {
  readonly key: string;
  readonly region: string;
  readonly class: string;
  readonly year: number;
  readonly values: number;
  readonly newest: string;
  readonly erasableFrom?: string;
  readonly due?: boolean;
  readonly erasedAt?: string;
}

export interface ErasureView extends DecidedView {
  readonly subject: string;
  readonly keys: readonly KeyView[];
  readonly erased?: number;
}

export interface HoldView {
  readonly id: string;
  readonly scope: Readonly<Record<string, unknown>>;
  readonly matter: string;
  readonly placedBy: Person;
  readonly placedAt: string;
  readonly releasedBy?: Person;
  readonly releasedAt?: string;
}

/** Calls the interface `retention` with a token of the one scope that the call needs. */
export async function call(
  { issuer, client, token }: Connection,
  method: 'GET' | 'POST',
  path: string,
  scope: RetentionScope,
  body?: unknown,
): Promise<unknown> {
  return client.callOrThrow(await token('retention', scope), {
    method,
    url: `${issuer}/retention${path}`,
    ...(body === undefined ? {} : { body }),
  });
}
