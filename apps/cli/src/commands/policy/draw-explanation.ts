import type { Schemas } from '../../api.ts';
import { bold, dim, green, red, yellow } from '../../output.ts';
import { visible, visibleLines } from '../../visible.ts';

type RecordedView = Pick<
  Schemas['RecordedDecision'],
  'decision' | 'policyVersion' | 'determining' | 'reasons' | 'obligations' | 'inputDigest'
>;
export type ExplanationView = Schemas['DecisionExplanation'];

/** A recorded decision as lines for a terminal: the answer, its reasons, and what would have led to a permit. */
export function drawDecision({
  decision,
  policyVersion,
  determining,
  reasons,
  obligations,
  inputDigest,
}: RecordedView): readonly string[] {
  return [
    `${bold(decision ? green('permit') : red('deny'))}  by version ${policyVersion}` +
      `${determining.length === 0 ? '' : `: ${visible(determining.join(', '))}`}  ${dim(`input ${inputDigest}`)}`,
    ...reasons.map(({ code, detail }) => `  ${code}  ${visible(detail)}`),
    ...obligations.map((obligation) => `  ${yellow('needs')}  ${visible(JSON.stringify(obligation))}`),
  ];
}

/**
 * The explanation of a decision as lines for a terminal: reached limits, determining policies, and unmet conditions. Limits
 * that were not reached appear only with `--json`.
 */
export function drawExplanation({ recorded, limits, policies, unmet }: ExplanationView): readonly string[] {
  return [
    ...drawDecision(recorded),
    ...limits.flatMap(drawLimit),
    ...policies
      .filter(({ determining }) => determining)
      .flatMap(({ id, text }) => ['', dim(`// ${visible(id)}`), visibleLines(text)]),
    ...unmet.flatMap(drawUnmet),
  ];
}

function drawLimit(reading: ExplanationView['limits'][number]): readonly string[] {
  const { limit, key, window, unit, max, used, amount, headroom, overriddenBy, exceeded } = reading;
  if (!exceeded && overriddenBy === undefined) return [];
  return [
    '',
    `${bold(`limit ${visible(limit)}`)}  ${exceeded ? red('exceeded') : yellow(`overridden by ${visible(overriddenBy ?? '')}`)}`,
    `  ${visible(key)}  ${dim(visible(window))}`,
    dim(visible(`    ${used} of ${max} ${unit} used, ${headroom} left, ${amount} asked for`)),
  ];
}

function drawUnmet({ policyId, effect, conditions }: ExplanationView['unmet'][number]): readonly string[] {
  return [
    '',
    `${bold(visible(policyId))}  ${effect === 'forbid' ? 'forbids it because' : 'would permit it if'}`,
    ...conditions.flatMap(({ text, outcome, found }) => [
      `  ${visible(text)}  ${outcome === 'true' ? dim(outcome) : red(outcome)}`,
      ...found.map((value) => dim(`    ${visible(value)}`)),
    ]),
  ];
}
