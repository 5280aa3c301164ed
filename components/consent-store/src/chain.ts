import type { Mandate, MandateAnswer, MandateQuestion } from '@countersign/contracts';
import { permits } from '@countersign/market';
import type { HeldMandate, MandateView } from './held-mandates.ts';
import { isCutByHolder } from './terms.ts';

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
 * By conjunction: every mandate of the line must stand, must permit, each for itself, and must have been given by
 * whoever holds the one above. What was proved when a mandate was cut from another is thus proved again, and whatever
 * ends, narrows or changes hands above does so below at once.
 *
 * @returns undefined when the view does not hold everything that the answer rests on
 */
export function answerFrom(view: MandateView, question: MandateQuestion): MandateAnswer | undefined {
  const named = view.find(question.mandate);
  if (named === undefined)
    return view.whole
      ? { stands: false, reason: 'mandate_not_found', detail: `There is no mandate ${question.mandate}.` }
      : undefined;
  const { mandate } = named;
  const upward = lineOf(view, named);
  if (upward === 'not-here')
    return view.whole
      ? {
          stands: false,
          reason: 'mandate_not_found',
          detail: `What ${mandate.id} was cut from is not found.`,
          mandate,
        }
      : undefined;
  const ended = standingFault(upward, question.at);
  if (ended !== undefined) return { stands: false, ...ended, mandate };

  const lines = linesHeldBy(view, question, upward);
  if (lines === undefined) return undefined;
  let refused: Fault | undefined;
  for (const line of lines) {
    const fault = standingFault(line, question.at) ?? permissionFault(line, question);
    if (fault === undefined) return { stands: true, mandate, chain: line.map((each) => each.mandate) };
    refused ??= fault;
  }
  refused ??= {
    reason: 'mandate_grantee',
    detail: `The mandate was not given to ${question.actingFor}, nor was one cut from it.`,
    atFault: mandate,
  };
  return { stands: false, ...refused, mandate };
}

/**
 * The line of the mandate named, if the institution holds it; otherwise of every mandate it holds that was cut from it.
 *
 * @returns undefined when the view does not hold them all
 */
function linesHeldBy(view: MandateView, { actingFor }: MandateQuestion, upward: Line): readonly Line[] | undefined {
  const [named] = upward;
  if (named === undefined) return [];
  if (named.mandate.grantee.lei === actingFor) return [upward];
  const below = view.heldBelow(named.mandate.id, actingFor);
  if (below === undefined) return undefined;
  const lines: Line[] = [];
  for (const id of below) {
    const lowest = view.find(id);
    const line = lowest === undefined ? 'not-here' : lineOf(view, lowest);
    if (line === 'not-here') {
      if (!view.whole) return undefined;
    } else if (line[0]?.mandate.grantee.lei === actingFor && line.includes(named)) lines.push(line);
  }
  return lines;
}

/** @returns `not-here` when a link is not in the view: what rests on it cannot be shown to stand */
function lineOf(view: MandateView, lowest: HeldMandate): Line | 'not-here' {
  const line = [lowest];
  for (let parent = lowest.mandate.parent; parent !== undefined; ) {
    const above = view.find(parent.id);
    if (above === undefined || line.length === longestLine) return 'not-here';
    line.push(above);
    parent = above.mandate.parent;
  }
  return line;
}

function permissionFault(line: Line, { use }: MandateQuestion): Fault | undefined {
  for (const { mandate } of line) {
    if (mandate.kind === 'onboarding-agreement')
      return {
        reason: 'mandate_action',
        detail: `${mandate.id} takes a client on; it permits nothing by itself.`,
        atFault: mandate,
      };
    const permission = permits(mandate.constraints, use);
    if (!permission.ok)
      return { reason: permission.code, detail: `${mandate.id}: ${permission.detail}`, atFault: mandate };
  }
  return undefined;
}

function standingFault(line: Line, at: number): Fault | undefined {
  for (let index = 0; index < line.length; index++) {
    const link = line[index];
    if (link === undefined) continue;
    const { mandate } = link;
    const fault = statusFault(mandate) ?? timeFault(link, at) ?? handFault(mandate, line[index + 1]?.mandate);
    if (fault !== undefined) return { ...fault, atFault: mandate };
  }
  return undefined;
}

function statusFault({ id, status, recordedAt, effectiveUntil }: Mandate): Fault | undefined {
  switch (status) {
    case 'active':
      return undefined;
    case 'revoked':
      return { reason: 'mandate_revoked', detail: `${id} was revoked at ${recordedAt}.` };
    case 'suspended':
      return { reason: 'mandate_suspended', detail: `${id} has been suspended since ${recordedAt}.` };
    case 'proposed':
      return { reason: 'mandate_not_accepted', detail: `${id} was proposed and has not been accepted.` };
    case 'expired':
      return { reason: 'mandate_expired', detail: `${id} expired at ${effectiveUntil}.` };
    default:
      return status satisfies never;
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

/** What was cut by a party that has since been replaced does not stand: nobody who holds the one above has given it. */
function handFault(mandate: Mandate, above: Mandate | undefined): Fault | undefined {
  return above === undefined || isCutByHolder(mandate, above)
    ? undefined
    : {
        reason: 'mandate_parent_not_active',
        detail: `${mandate.id} was given by ${mandate.grantor.lei}, who has not held ${above.id} ever since.`,
      };
}
