import type { VerificationReport } from '@countersign/evidence';
import { element } from './element.ts';

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
  return element(
    'section',
    { class: 'panel', 'aria-labelledby': 'facts' },
    element('h2', { id: 'facts' }, 'The bundle'),
    element(
      'dl',
      { class: 'facts' },
      ...facts.map(([name, value]) =>
        value === undefined
          ? undefined
          : element('div', {}, element('dt', {}, name), element('dd', { class: 'mono' }, value)),
      ),
    ),
  );
}
