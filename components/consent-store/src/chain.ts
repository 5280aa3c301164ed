import type { Mandate, MandateAnswer, MandateQuestion } from '@countersign/contracts';
import { permits } from '@countersign/market';
import type { HeldMandate, MandateView } from './mandate-view.ts';

/** Longer than constraints let any line of delegation grow; a line that is longer is not followed. */
const longestLine = 16;

/** From a mandate up to its root. */
type Line = readonly HeldMandate[];

interface Fault {
  readonly reason: string;
  readonly detail: string;
  readonly atFault?: Mandate;
}

/**
 * Does the mandate, with everything above it, allow this use at this time, to this institution?
 *
 * By conjunction: every mandate of the line must stand and must permit, each for itself. What was proved when
 * a mandate was cut from another is thus proved again, and whatever ends above ends everything below at once.
 */
export function answerFrom(view: MandateView, question: MandateQuestion): MandateAnswer {
  const named = view.find(question.mandate);
  if (named === undefined)
    return { stands: false, reason: 'mandate_not_found', detail: `There is no mandate ${question.mandate}.` };
  const { mandate } = named;
  const upward = lineOf(view, named);
  if (upward === undefined)
    return {
      stands: false,
      reason: 'mandate_not_found',
      detail: `What ${mandate.id} was cut from is not found.`,
      mandate,
    };
  const ended = standingFault(upward, question.at);
  if (ended !== undefined) return { stands: false, ...ended, mandate };

  let refused: Fault | undefined;
  for (const line of linesHeldBy(view, question, upward)) {
    const fault = standingFault(line, question.at) ?? permissionFault(line, question);
    if (fault === undefined) return { stands: true, mandate, chain: line.map((held) => held.mandate) };
    refused ??= fault;
  }
  refused ??= {
    reason: 'mandate_grantee',
    detail: `The mandate was not given to ${question.actingFor}, nor was one cut from it.`,
    atFault: mandate,
  };
  return { stands: false, ...refused, mandate };
}

/** The line of the mandate named, if the institution holds it; otherwise of every mandate it holds that was cut from it. */
function* linesHeldBy(view: MandateView, { actingFor }: MandateQuestion, upward: Line): Iterable<Line> {
  const [named] = upward;
  if (named === undefined) return;
  if (named.mandate.grantee.lei === actingFor) {
    yield upward;
    return;
  }
  for (const held of view.heldBy(actingFor)) {
    const line = lineOf(view, held);
    if (line?.includes(named)) yield line;
  }
}

/** @returns undefined when a link is not in the view: what rests on it cannot be shown to stand */
function lineOf(view: MandateView, lowest: HeldMandate): Line | undefined {
  const line = [lowest];
  for (let parent = lowest.mandate.parent; parent !== undefined; ) {
    const above = view.find(parent.id);
    if (above === undefined || line.length === longestLine) return undefined;
    line.push(above);
    parent = above.mandate.parent;
  }
  return line;
}

function permissionFault(line: Line, { use }: MandateQuestion): Fault | undefined {
  for (const { mandate } of line) {
    const permission = permits(mandate.constraints, use);
    if (!permission.ok)
      return { reason: permission.code, detail: `${mandate.id}: ${permission.detail}`, atFault: mandate };
  }
  return undefined;
}

function standingFault(line: Line, at: number): Fault | undefined {
  for (const held of line) {
    const fault = statusFault(held.mandate) ?? timeFault(held, at);
    if (fault !== undefined) return { ...fault, atFault: held.mandate };
  }
  return undefined;
}

function statusFault({ id, status, recordedAt }: Mandate): Fault | undefined {
  switch (status) {
    case 'active':
      return undefined;
    case 'revoked':
      return { reason: 'mandate_revoked', detail: `${id} was revoked at ${recordedAt}.` };
    case 'suspended':
      return { reason: 'mandate_suspended', detail: `${id} has been suspended since ${recordedAt}.` };
    case 'proposed':
      return { reason: 'mandate_not_accepted', detail: `${id} was proposed and has not been accepted.` };
  }
}

function timeFault({ mandate, from, until }: HeldMandate, at: number): Fault | undefined {
  // Written so that a time that is not a number denies.
  if (!(at >= from))
    return { reason: 'mandate_not_effective', detail: `${mandate.id} takes effect at ${mandate.effectiveFrom}.` };
  if (!(at < until))
    return { reason: 'mandate_expired', detail: `${mandate.id} expired at ${mandate.effectiveUntil}.` };
  return undefined;
}
