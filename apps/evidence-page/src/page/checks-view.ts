import type { BundleVerification, VerificationStep } from '@countersign/evidence';
import { element } from './element.ts';

/** Findings that are shown; the report that can be saved has all of them. */
const most = 500;
const marks = { fail: 'fails', note: 'note', pass: 'holds' } as const;

function kindOf({ ok, code }: VerificationStep): keyof typeof marks {
  if (!ok) return 'fail';
  return code === undefined ? 'pass' : 'note';
}

/** Every finding: what fails first, then what is noted, then what holds; each group in the order of the checks. */
export function checksView({ steps }: BundleVerification): HTMLElement {
  const order = ['fail', 'note', 'pass'] as const;
  const sorted = order.flatMap((kind) => steps.filter((step) => kindOf(step) === kind));
  const items = sorted.slice(0, most).map((step) => {
    const kind = kindOf(step);
    return element(
      'li',
      {},
      element('span', { class: `mark ${kind}` }, marks[kind]),
      element(
        'span',
        { class: 'title' },
        step.title,
        step.code === undefined ? undefined : element('code', { class: 'reason' }, step.code),
      ),
      element(
        'span',
        { class: 'detail' },
        step.detail,
        step.record === undefined ? undefined : ' ',
        step.record === undefined ? undefined : element('code', {}, step.record),
      ),
    );
  });
  return element(
    'section',
    { class: 'panel', 'aria-labelledby': 'checks' },
    element('h2', { id: 'checks' }, 'Checks'),
    element('ol', { class: 'checks' }, ...items),
    sorted.length > most
      ? element('p', { class: 'hint more' }, `${sorted.length - most} more findings are in the report.`)
      : undefined,
  );
}
