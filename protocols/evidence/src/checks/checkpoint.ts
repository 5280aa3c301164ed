import { openCheckpoint } from '../log-key.ts';
import { type Check, finding } from './check.ts';

/** C2SP tlog-checkpoint. */
export const checkpointIsSigned: Check = {
  id: 'checkpoint',
  title: 'The checkpoint is signed by the log',
  run(evidence) {
    const opened = openCheckpoint(evidence, evidence.bundle.checkpoint);
    if (opened.ok)
      return {
        ok: true,
        checked: true,
        detail: `${opened.checkpoint.origin} signed a tree of ${opened.checkpoint.size} records.`,
      };
    return {
      ok: false,
      findings: [
        finding(
          'checkpoint_signature',
          `The checkpoint is not a signed statement of ${evidence.bundle.log.origin} (${opened.reason}).`,
        ),
      ],
    };
  },
};
