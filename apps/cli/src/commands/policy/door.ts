import { CodedError } from '@countersign/kernel';
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
  readonly simulation: {
    readonly id: string;
    readonly decisions: number;
    readonly flips: number;
    /** By what was missing. Not told by a control plane of the release before. */
    readonly skipped?: Readonly<Record<string, number>>;
  };
}

/** What of a connection calling this interface needs. */
export type PolicyCaller = Pick<Connection, 'issuer' | 'token'> & {
  readonly client: Pick<Connection['client'], 'callOrThrow'>;
};

/** Calls the interface `policies` with a token of the one scope that the call needs. */
export async function call(
  { issuer, client, token }: PolicyCaller,
  method: 'GET' | 'POST',
  path: string,
  scope: PolicyScope = 'policy:read',
  body?: unknown,
): Promise<unknown> {
  try {
    return await client.callOrThrow(await token('policies', scope), {
      method,
      url: `${issuer}/policies${path}`,
      ...(body === undefined ? {} : { body }),
    });
  } catch (error) {
    throw withNextStep(error, scope);
  }
}

/** Ends what cannot be brought to its end, before it has begun. @throws CodedError `invalid_scope` */
export async function requireScope({ token }: Pick<Connection, 'token'>, scope: PolicyScope): Promise<void> {
  try {
    await token('policies', scope);
  } catch (error) {
    throw withNextStep(error, scope);
  }
}

const another = 'Do it as somebody else: `countersign --client <id> --key <file> policy ...`.';
const nextSteps: Readonly<Record<string, string>> = {
  candidate_not_found: '`countersign policy candidates` lists what there is.',
  candidate_self_approval: another,
  version_not_found: '`countersign policy versions` lists what there is.',
  decision_not_found: '`countersign log show` lists records.',
  policy_not_simulated:
    '`countersign policy publish` simulates by itself: run it again. Where --from or --until kept to a time in which ' +
    'nothing was decided or could be judged, name another or none.',
};

/** What to do about a refusal, where the interface cannot know by what command it was asked. */
function withNextStep(error: unknown, scope: PolicyScope): unknown {
  if (!(error instanceof CodedError)) return error;
  const { code, category, detail, facts } = error;
  const next = code === 'invalid_scope' && scope !== 'policy:read' ? another : nextSteps[code];
  if (next === undefined) return error;
  return new CodedError({
    code,
    category,
    detail: `${detail} ${next}`,
    cause: error,
    ...(facts === undefined ? {} : { facts }),
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

/**
 * Whether it waits in vain: another version came in between, so nobody can approve it any more.
 *
 * @param newest the number of the newest version
 */
export function isOutdated({ status, baseVersion }: CandidateView, newest: number): boolean {
  return status === 'proposed' && baseVersion < newest;
}

/** What the simulation of a candidate found, and what it could not judge. */
export function describeFound({ simulation: { id, decisions, flips, skipped = {} } }: CandidateView): string {
  const left = Object.entries(skipped).map(([why, count]) => `${count} ${visible(why)}`);
  const unjudged = left.length === 0 ? '' : yellow(`  not judged: ${left.join(', ')}`);
  return `${flips} of ${decisions} decisions come out otherwise${unjudged}  ${dim(id)}`;
}

export function describeCandidate(
  { id, status, changeRequest, proposedBy, decidedBy, reason }: CandidateView,
  outdated = false,
): string {
  const people = decidedBy === undefined ? proposedBy : `${proposedBy}, ${decidedBy}`;
  const paint = { proposed: outdated ? dim : yellow, approved: green, rejected: red }[status] ?? dim;
  return `${id}  ${paint((outdated ? 'outdated' : status).padEnd(8))}  ${changeRequest}  by ${people}  ${dim(visible(reason))}`;
}
