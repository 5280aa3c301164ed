import { CodedError } from '@countersign/kernel';
import { type Answer, type Caller, type Inputs, type Route, request, type Schemas } from '../../api.ts';
import { bold, dim, green, red, yellow } from '../../output.ts';
import { visible } from '../../visible.ts';

type PolicyScope = 'policy:read' | 'policy:propose' | 'policy:approve' | 'policy:rollback';

export type VersionView = Schemas['PolicyVersionSummary'];
export type VersionWithBundle = Answer<'GET /policies/active'>;
/** A candidate that awaits its second approver, as the interface returns it. */
export type CandidateView = Schemas['PolicyCandidate'];

/** Calls an operation of the interface `policies`. An error names the next command. */
export async function call<R extends Extract<Route, `${string} /policies${string}`>>(
  caller: Caller,
  route: R,
  inputs: Inputs<R>,
): Promise<Answer<R>> {
  try {
    return await request(caller, route, inputs);
  } catch (error) {
    throw withNextStep(error, inputs.scope);
  }
}

export function activePolicies(caller: Caller): Promise<VersionWithBundle> {
  return call(caller, 'GET /policies/active', { scope: 'policy:read' });
}

/** @param version the active one when left out */
export function policiesOf(caller: Caller, version: string | undefined): Promise<VersionWithBundle> {
  if (version === undefined) return activePolicies(caller);
  return call(caller, 'GET /policies/{version}', { scope: 'policy:read', params: { version } });
}

/** Fails early if the caller could not complete the command. @throws CodedError `invalid_scope` */
export async function requireScope({ token }: Pick<Caller, 'token'>, scope: PolicyScope): Promise<void> {
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

/** Adds advice to an error, because the interface does not know which command was used. */
function withNextStep(error: unknown, scope: string): unknown {
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
 * Whether a newer version has replaced the candidate's base, so that it can no longer be approved.
 *
 * @param newest the number of the newest version
 */
export function isOutdated({ status, baseVersion }: CandidateView, newest: number): boolean {
  return status === 'proposed' && baseVersion < newest;
}

/** What the simulation of a candidate found, and what it could not evaluate. */
export function describeFound({
  simulation: { id, decisions, flips, skipped = {} },
}: {
  readonly simulation: Omit<CandidateView['simulation'], 'skipped'> &
    Partial<Pick<CandidateView['simulation'], 'skipped'>>;
}): string {
  const left = Object.entries(skipped).map(([why, count]) => `${count} ${visible(why)}`);
  const unjudged = left.length === 0 ? '' : yellow(`  not judged: ${left.join(', ')}`);
  return `${flips} of ${decisions} decisions come out otherwise${unjudged}  ${dim(id)}`;
}

export function describeCandidate(
  { id, status, changeRequest, proposedBy, decidedBy, reason }: CandidateView,
  outdated = false,
): string {
  const people = decidedBy === undefined ? proposedBy : `${proposedBy}, ${decidedBy}`;
  const paint = { proposed: outdated ? dim : yellow, approved: green, rejected: red, expired: dim }[status];
  return `${id}  ${paint((outdated ? 'outdated' : status).padEnd(8))}  ${changeRequest}  by ${people}  ${dim(visible(reason))}`;
}
