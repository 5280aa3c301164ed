import { recordsOf } from '../evidence.ts';
import { type Check, conclude, counted } from './check.ts';

/** A disclosure must open the salted commitment in the leaf, so that a value in an old record cannot be replaced. */
export const disclosuresOpen: Check = {
  id: 'disclosures',
  title: 'Every disclosed value is the one that its record commits to',
  run({ records, disclosed }) {
    const erasedKeys = new Set(recordsOf(records, 'erasure.completed').flatMap(({ facts }) => facts.keys));
    const hidden = records.flatMap(({ withheld }) => [...withheld.values()]);
    const erased = hidden.filter(({ key }) => erasedKeys.has(key)).length;
    const parts = [
      `${counted(disclosed.opened, 'value')} disclosed`,
      `${hidden.length - erased} withheld`,
      ...(erased === 0 ? [] : [`${erased} erased, as the log recorded`]),
    ];
    return conclude(
      disclosed.faults.map(({ code, detail, record }) => ({ code, detail, record })),
      `${parts.join(', ')}.`,
      { of: disclosed.opened },
    );
  },
};
