import type { Connection } from '../../connection.ts';
import { bold, dim, green, red, yellow } from '../../output.ts';
import type { Bundle } from './compare-bundles.ts';
import { visible } from './visible.ts';

type PolicyScope = 'policy:read' | 'policy:propose' | 'policy:approve' | 'policy:rollback';

/** A version as the interface shows it; in a list without its policies. */
export interface VersionView {
  readonly version: number;
  readonly hash: string;
  readonly publishedAt: string;
  readonly recordId: string;
  readonly changeRequest: string;
  readonly proposedBy: string;
  readonly approvedBy?: string;
  readonly rolledBackTo?: number;
}

export interface VersionWithBundle {
  readonly version: VersionView & {
    readonly policies: readonly { readonly id: string; readonly effect: string; readonly text: string }[];
  };
  readonly bundle: Bundle;
}

/** A bundle that waits for its second person, as the interface shows it. */
export interface CandidateView {
  readonly id: string;
  readonly status: string;
  readonly hash: string;
  readonly digest: string;
  readonly changeRequest: string;
  readonly reason: string;
  readonly baseVersion: number;
  readonly proposedBy: string;
  readonly expiresAt: string;
  readonly decidedBy?: string;
  readonly tests: { readonly passed: number; readonly untested: readonly string[] };
  readonly simulation: { readonly id: string; readonly decisions: number; readonly flips: number };
}

/** Calls the interface `policies` with a token of the one scope that the call needs. */
export async function call(
  { issuer, client, token }: Connection,
  method: 'GET' | 'POST',
  path: string,
  scope: PolicyScope = 'policy:read',
  body?: unknown,
): Promise<unknown> {
  return client.callOrThrow(await token('policies', scope), {
    method,
    url: `${issuer}/policies${path}`,
    ...(body === undefined ? {} : { body }),
  });
}

export function describeVersion({
  version,
  hash,
  publishedAt,
  changeRequest,
  proposedBy,
  approvedBy,
  rolledBackTo,
}: VersionView): string {
  const people = approvedBy === undefined ? proposedBy : `${proposedBy}, ${approvedBy}`;
  const back = rolledBackTo === undefined ? '' : yellow(`  back to version ${rolledBackTo}`);
  return `${bold(`version ${version}`)}  ${changeRequest}  by ${people}${back}  ${dim(`${publishedAt}  ${hash}`)}`;
}

export function describeCandidate({ id, status, changeRequest, proposedBy, decidedBy, reason }: CandidateView): string {
  const people = decidedBy === undefined ? proposedBy : `${proposedBy}, ${decidedBy}`;
  const paint = { proposed: yellow, approved: green, rejected: red }[status] ?? dim;
  return `${id}  ${paint(status.padEnd(8))}  ${changeRequest}  by ${people}  ${dim(visible(reason))}`;
}
