import { type Check, conclude, counted, type Finding, finding } from './check.ts';

/** References must precede the record in the log, so that a chain ends. */
export const referencesArePresent: Check = {
  id: 'references',
  title: 'Everything that a record refers to is here and came before it',
  run({ records, leafById }) {
    let followed = 0;
    const findings = records.flatMap((record) =>
      record.references.flatMap((reference): readonly Finding[] => {
        followed++;
        const leaf = leafById.get(reference);
        const target = leaf?.reading.state === 'malformed' ? undefined : leaf;
        if (target === undefined)
          return [
            finding(
              'reference_missing',
              `It refers to ${reference}, which is not in the bundle or is unreadable.`,
              record.id,
            ),
          ];
        if (target.index >= record.index)
          return [finding('reference_missing', `It refers to ${reference}, which the log appended later.`, record.id)];
        return [];
      }),
    );
    return conclude(findings, `${counted(followed, 'reference')} followed.`, { of: followed });
  },
};
