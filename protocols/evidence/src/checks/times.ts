import type { Check, Finding } from './check.ts';
import { conclude, counted, finding } from './check.ts';

/** The log never lets time decrease, so a backdated record conflicts with its neighbours. */
export const timesRise: Check = {
  id: 'times',
  title: 'No record claims an earlier time than one before it in the log',
  run({ records }) {
    let latest = Number.NEGATIVE_INFINITY;
    const findings: Finding[] = [];
    for (const { id, at, time } of records) {
      if (at < latest)
        findings.push(
          finding(
            'time_order',
            `It claims ${time}, which is before the time of a record that the log appended earlier.`,
            id,
          ),
        );
      latest = Math.max(latest, at);
    }
    return conclude(findings, `${counted(records.length, 'time')} compared.`, { of: records.length });
  },
};
