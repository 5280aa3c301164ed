import type { BundleVerification, StepResult, VerificationReport } from '@countersign/evidence';
import { element, panel } from './element.ts';

/** Shown on the page; the report contains all. */
const maxShown = 500;
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
  const items = sorted.slice(0, maxShown).map(({ result, title, code, detail, record }) => {
    const reason = code === undefined ? undefined : element('code', { class: 'reason' }, code);
    const named = record === undefined ? [] : [' ', element('code', {}, record)];
    return element(
      'li',
      {},
      element('span', { class: `mark ${kinds[result]}` }, result),
      element('span', { class: 'title' }, title, reason),
      element('span', { class: 'detail' }, detail, ...named),
    );
  });
  return panel(
    'checks',
    'Checks',
    element('ol', { class: 'checks' }, ...items),
    sorted.length > maxShown
      ? element('p', { class: 'hint more' }, `${sorted.length - maxShown} more findings are in the report.`)
      : undefined,
  );
}

export function factsView({ bundle, fileDigest }: VerificationReport): HTMLElement {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Transaction', bundle?.transaction],
    ['Log', bundle?.log.origin],
    ["Log's key, as the bundle states it", bundle?.log.verifierKey],
    ['Tree', bundle?.tree === undefined ? undefined : `${bundle.tree.size} records, root ${bundle.tree.root}`],
    ['Records in the bundle', bundle?.records.toString()],
    [
      'From, to (by the log)',
      bundle?.firstRecordTime === undefined ? undefined : `${bundle.firstRecordTime} to ${bundle.lastRecordTime}`,
    ],
    ['SHA-256 of the file', fileDigest],
  ];
  const rows = facts.map(([name, value]) =>
    value === undefined
      ? undefined
      : element('div', {}, element('dt', {}, name), element('dd', { class: 'mono' }, value)),
  );
  return panel('facts', 'The bundle', element('dl', { class: 'facts' }, ...rows));
}
