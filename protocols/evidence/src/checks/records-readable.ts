import { type Check, conclude, counted, type Finding, finding } from './check.ts';

/** Every kept leaf must have the shape, source and outcome of its type, and a unique id. */
export const recordsAreReadable: Check = {
  id: 'records-readable',
  title: 'Every kept record is readable and of the type it claims',
  run({ leaves }) {
    const findings: Finding[] = [];
    const seen = new Set<string>();
    for (const { index, id, reading } of leaves) {
      if (reading.state === 'malformed')
        findings.push(
          finding(
            'record_malformed',
            `The record at index ${index} is not as its type promises: ${reading.problem}.`,
            id,
          ),
        );
      if (id !== undefined && seen.has(id))
        findings.push(finding('record_malformed', `The record at index ${index} has the id of another one.`, id));
      if (id !== undefined) seen.add(id);
    }
    const read = leaves.filter(({ reading }) => reading.state === 'read').length;
    return conclude(findings, `${counted(read, 'record')} read.`, { of: read });
  },
};
