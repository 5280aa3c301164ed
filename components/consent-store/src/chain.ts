import type { Mandate, MandateAnswer, MandateFault, MandateQuestion } from '@countersign/contracts';
import { type MandateRefusal, permits } from '@countersign/market';
import type { HeldMandate, MandateView } from './held-mandates.ts';
import { isCutByHolder } from './terms.ts';

/** More levels than constraints allow; a longer chain is not followed. */
const longestLine = 16;

type Line = readonly HeldMandate[];

interface Fault {
  readonly reason: MandateFault | MandateRefusal;
  readonly detail: string;
  readonly atFault?: Mandate;
}

/**
 * Checks whether a mandate permits a use at a time by an institution.
 *
 * Every mandate up to the root must be valid, permit the use, and have been granted by the holder of the one above. So
 * anything that ends, narrows or changes hands above takes effect below at once.
 * @returns undefined if the view lacks data that the answer needs
 */
export function answerFrom(view: MandateView, question: MandateQuestion): MandateAnswer | undefined {
  const named = view.find(question.mandate);
  if (named === undefined)
    return view.whole
      ? { valid: false, reason: 'mandate_not_found', detail: `There is no mandate ${question.mandate}.` }
      : undefined;
  const { mandate } = named;
  const upward = lineOf(view, named);
  if (upward === 'not-here')
    return view.whole
      ? {
          valid: false,
          reason: 'mandate_not_found',
          detail: `A mandate above ${mandate.id} does not exist.`,
          mandate,
        }
      : undefined;
  const ended = standingFault(upward, question.at);
  if (ended !== undefined) return { valid: false, ...ended, mandate };

  const lines = linesHeldBy(view, question, upward);
  if (lines === undefined) return undefined;
  let refused: Fault | undefined;
  for (const line of lines) {
    const fault = standingFault(line, question.at) ?? permissionFault(line, question);
    if (fault === undefined) return { valid: true, mandate, chain: line.map((each) => each.mandate) };
    refused ??= fault;
  }
  refused ??= {
    reason: 'mandate_grantee',
    detail: `Neither this mandate nor a sub-mandate of it was granted to ${question.actingFor}.`,
    atFault: mandate,
  };
  return { valid: false, ...refused, mandate };
}

/**
 * The chain of the named mandate if the institution holds it; otherwise the chains of the sub-mandates that it holds.
 * @returns undefined if the view lacks one of them
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

/** @returns `not-here` if the view lacks a link */
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
        detail: `${mandate.id} is an onboarding agreement and permits no action.`,
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
  // NaN must deny.
  if (!(at >= from))
    return { reason: 'mandate_not_effective', detail: `${mandate.id} takes effect at ${mandate.effectiveFrom}.` };
  if (!(at < until))
    return { reason: 'mandate_expired', detail: `${mandate.id} expired at ${mandate.effectiveUntil}.` };
  return undefined;
}

/** A sub-mandate ends if its grantor no longer holds the mandate above. */
function handFault(mandate: Mandate, above: Mandate | undefined): Fault | undefined {
  return above === undefined || isCutByHolder(mandate, above)
    ? undefined
    : {
        reason: 'mandate_parent_not_active',
        detail: `${mandate.id} was granted by ${mandate.grantor.lei}, which has not held ${above.id} continuously since then.`,
      };
}
