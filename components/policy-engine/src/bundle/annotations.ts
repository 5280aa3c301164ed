import { approverRoles } from '@countersign/contracts';

export interface PolicyNotes {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly text: string;
  /** `@reason("code")`: the code of the refusal by a forbid. */
  readonly reason: string;
  /** `@detail("words")`: text for the refused person. Placeholders such as `{context.acr}` are filled in; see `wordsFor`. */
  readonly detail: string;
  /** `@remedy("approval supervisor 1; step-up phrh 300")`: what would lift a forbid. */
  readonly remedies: readonly Remedy[];
  /** `@escalation("desk-head 1800, risk 7200")`: where to turn for a missing approval, after so many seconds. */
  readonly escalation: readonly { readonly role: string; readonly afterSeconds: number }[];
  /** `@token_lifetime_seconds("120")`: the longest lifetime of a token by this permit. */
  readonly tokenLifetimeSeconds?: number;
  /** `@time_stamp("rfc3161")`: the permitted step gets a time stamp of its own. */
  readonly timeStamp: boolean;
}

export type Remedy =
  | { readonly kind: 'approval'; readonly role: string; readonly count: number }
  | { readonly kind: 'step-up'; readonly acr: string; readonly maxAgeSeconds?: number };

const code = /^[a-z][a-z0-9_]{0,63}$/;
const role = /^[a-z][a-z0-9-]{0,63}$/;

export function readNotes({
  id,
  effect,
  text,
  annotations,
}: {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly text: string;
  readonly annotations: Readonly<Record<string, string>>;
}): { readonly notes: PolicyNotes; readonly problems: readonly string[]; readonly warnings: readonly string[] } {
  const problems: string[] = [];
  const take = <Read>(name: string, read: (text: string) => Read | undefined, expected: string): Read | undefined => {
    const written = annotations[name];
    if (written === undefined) return undefined;
    const value = read(written);
    if (value === undefined) problems.push(`@${name} is not ${expected}`);
    return value;
  };
  const onlyOn = (name: string, of: 'permit' | 'forbid'): void => {
    if (annotations[name] !== undefined && effect !== of) problems.push(`@${name} means nothing on a ${effect}`);
  };
  onlyOn('remedy', 'forbid');
  onlyOn('escalation', 'forbid');
  onlyOn('token_lifetime_seconds', 'permit');
  onlyOn('time_stamp', 'permit');
  const reason = take('reason', (text) => (code.test(text) ? text : undefined), 'a code of a-z, 0-9 and _');
  const remedies = take('remedy', readRemedies, 'e.g. "approval supervisor 1; step-up phrh 300"');
  for (const remedy of remedies ?? [])
    if (remedy.kind === 'approval' && !isApproverRole(remedy.role))
      problems.push(
        `@remedy asks for an approval as ${remedy.role}; approvals are given as ${approverRoles.join(', ')}`,
      );
  const escalation = take('escalation', readEscalation, 'e.g. "desk-head 1800, risk 7200"');
  const warnings = (escalation ?? [])
    .filter((step) => !isApproverRole(step.role))
    .map(
      (step) =>
        `@escalation names ${step.role}, which cannot approve but only remind others; approvals are given as ${approverRoles.join(', ')}`,
    );
  const lifetime = take('token_lifetime_seconds', (text) => readCount(text, 300), 'a whole number from 1 to 300');
  const timeStamp = take('time_stamp', (text) => (text === 'rfc3161' ? true : undefined), '"rfc3161"');
  const notes: PolicyNotes = {
    id,
    effect,
    text,
    reason: reason ?? 'denied_by_policy',
    detail: annotations['detail'] ?? `The policy ${id} forbids it.`,
    remedies: remedies ?? [],
    escalation: escalation ?? [],
    ...(lifetime === undefined ? {} : { tokenLifetimeSeconds: lifetime }),
    timeStamp: timeStamp === true,
  };
  return { notes, problems, warnings };
}

export function isApproverRole(name: string): boolean {
  return approverRoles.some((role) => role === name);
}

function readRemedies(text: string): readonly Remedy[] | undefined {
  const remedies = text.split(';').map((part) => readRemedy(part.trim()));
  return remedies.every((remedy) => remedy !== undefined) ? remedies : undefined;
}

function readRemedy(text: string): Remedy | undefined {
  const [kind, what = '', number, ...rest] = text.split(/ +/);
  if (rest.length > 0) return undefined;
  if (kind === 'approval') {
    const count = readCount(number ?? '', 9);
    return role.test(what) && count !== undefined ? { kind, role: what, count } : undefined;
  }
  if (kind !== 'step-up' || !/^[\x21-\x7e]{1,64}$/.test(what)) return undefined;
  if (number === undefined) return { kind, acr: what };
  const maxAgeSeconds = readCount(number, 86_400);
  return maxAgeSeconds === undefined ? undefined : { kind, acr: what, maxAgeSeconds };
}

function readEscalation(text: string): PolicyNotes['escalation'] | undefined {
  const steps = text.split(',').map((part) => {
    const [who = '', seconds = '', ...rest] = part.trim().split(/ +/);
    const afterSeconds = readCount(seconds, 30 * 86_400);
    return role.test(who) && afterSeconds !== undefined && rest.length === 0 ? { role: who, afterSeconds } : undefined;
  });
  return steps.every((step) => step !== undefined) ? steps : undefined;
}

function readCount(text: string, most: number): number | undefined {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return value >= 1 && value <= most ? value : undefined;
}
