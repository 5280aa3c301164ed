import { buildGraph, drawGraph, type EvidenceBundle, recordsOfBundle, timelineOf } from '@countersign/evidence';
import { element, panel, picture, scrolling } from './element.ts';

/** A bundle may have ten thousand records. */
const firstRows = 200;

export function graphView(bundle: EvidenceBundle): HTMLElement | undefined {
  const graph = buildGraph(bundle.transaction, recordsOfBundle(bundle));
  const drawn = graph.nodes.length === 0 ? undefined : picture(drawGraph(graph, { style: false }));
  if (drawn === undefined) return undefined;
  const hint =
    'Left: who grants authority. Right: what was done. Dashed: refused, revoked or failed. Point at a box or a line to see its record. Rely on it only if the bundle is verified.';
  return panel(
    'graph',
    'Chain of authority',
    element('p', { class: 'hint' }, hint),
    scrolling('Chain of authority', drawn),
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
  return panel(
    'timeline',
    'Timeline',
    scrolling('Timeline', element('table', {}, element('thead', {}, element('tr', {}, ...heads)), rows)),
    entries.length > firstRows ? element('p', { class: 'more' }, more) : undefined,
  );
}
