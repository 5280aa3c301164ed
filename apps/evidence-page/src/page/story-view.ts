import { buildGraph, drawGraph, type EvidenceBundle, recordsOfBundle, timelineOf } from '@countersign/evidence';
import { element, picture } from './element.ts';

/** A bundle may have ten thousand records. */
const firstRows = 200;

export function graphView(bundle: EvidenceBundle): HTMLElement | undefined {
  const graph = buildGraph(bundle.transaction, recordsOfBundle(bundle));
  const drawn = graph.nodes.length === 0 ? undefined : picture(drawGraph(graph, { style: false }));
  if (drawn === undefined) return undefined;
  return element(
    'section',
    { class: 'panel', 'aria-labelledby': 'graph' },
    element('h2', { id: 'graph' }, 'Chain of authority'),
    element(
      'p',
      { class: 'hint' },
      'From those who grant, on the left, to what was done, on the right. Dashed: refused, revoked or failed. Pointing at a box or a line shows its record. What it says is only worth something above a “Verified”.',
    ),
    element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Chain of authority' }, drawn),
  );
}

export function timelineView(bundle: EvidenceBundle): HTMLElement {
  const entries = timelineOf(bundle);
  const rows = element('tbody');
  const show = (count: number): void => {
    const next = entries
      .slice(rows.childElementCount, count)
      .map(({ index, time, type, outcome, who, what, id }) =>
        element(
          'tr',
          {},
          element('td', { class: 'still' }, `#${index}`),
          element('td', { class: 'still' }, time ?? ''),
          element(
            'td',
            { class: outcome === 'deny' ? 'still deny' : 'still' },
            `${type ?? 'unread'}${outcome === 'deny' && type?.endsWith('.refused') !== true ? ' (refused)' : ''}`,
            element('br'),
            element('code', {}, id ?? ''),
          ),
          element('td', {}, who),
          element('td', {}, what),
        ),
      );
    rows.append(...next);
  };
  show(firstRows);
  const more = element('button', { type: 'button' }, `Show all ${entries.length} records`);
  more.addEventListener('click', () => {
    show(entries.length);
    more.remove();
  });
  const heads = ['Place', 'Time', 'Record', 'Who', 'What'].map((name) => element('th', { scope: 'col' }, name));
  return element(
    'section',
    { class: 'panel', 'aria-labelledby': 'timeline' },
    element('h2', { id: 'timeline' }, 'Timeline'),
    element(
      'div',
      { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Timeline' },
      element('table', {}, element('thead', {}, element('tr', {}, ...heads)), rows),
    ),
    entries.length > firstRows ? element('p', { class: 'more' }, more) : undefined,
  );
}
