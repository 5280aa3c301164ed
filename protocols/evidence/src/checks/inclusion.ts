import { verifyInclusion } from '@countersign/merkle-log';
import { treeHeadOf } from '../log-key.ts';
import { type Check, conclude, counted, type Finding } from './check.ts';

/** RFC 6962 section 2.1.1. Any change to bytes, index or path gives another root. */
export const recordsAreIncluded: Check = {
  id: 'inclusion',
  title: 'Every record is in the log, unchanged',
  run(evidence) {
    const head = treeHeadOf(evidence);
    if (head === undefined)
      return {
        ok: false,
        findings: [
          { code: 'record_altered', detail: 'Without a signed checkpoint no record can be shown to be in the log.' },
        ],
      };
    const findings = evidence.leaves.flatMap(({ index, hash, proof, id }): readonly Finding[] => {
      const verdict = verifyInclusion({ index, size: head.size, leafHash: hash, proof, root: head.root });
      if (verdict.ok) return [];
      const detail = `The record at index ${index} is not what the log holds there (${verdict.reason}).`;
      return [{ code: 'record_altered', detail, ...(id === undefined ? {} : { record: id }) }];
    });
    return conclude(findings, `${counted(evidence.leaves.length, 'record')} proved to be in the tree of ${head.size}.`);
  },
};
