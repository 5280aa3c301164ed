import type { BundleVerification, StepResult } from '@countersign/evidence';
import { element } from './element.ts';

/** Shown on the page; the report contains all. */
const most = 500;
/** CSS classes. Unchecked results are not green. */
const kinds: Readonly<Record<StepResult, string>> = {
  fails: 'fail',
  incomplete: 'part',
  note: 'note',
  'not checked': 'skip',
  holds: 'pass',
};

export function checksView({ steps }: BundleVerification): HTMLElement {
  const order = ['fails', 'incomplete', 'note', 'not checked', 'holds'] as const;
  const sorted = order.flatMap((result) => steps.filter((step) => step.result === result));
  const items = sorted.slice(0, most).map((step) => {
    return element(
      'li',
      {},
      element('span', { class: `mark ${kinds[step.result]}` }, step.result),
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
