import { digestOf } from '@countersign/kernel';
import { type RecordOf, transitionsOf } from '../own-story.ts';
import { type Check, conclude, counted, type Finding } from './check.ts';

/** Body and digest of a step are members of one record and must match. */
export const bodiesFitDigests: Check = {
  id: 'bodies',
  title: 'What each step said is what its digest names',
  reads: { 'transaction.transitioned': ['/data/body', '/data/body_digest'] },
  run(evidence) {
    const told = transitionsOf(evidence).filter(({ facts }) => !facts.departure);
    const compared = told.filter((step) => !isHidden(step));
    return conclude(compared.flatMap(faultsOf), `${counted(compared.length, 'body', 'bodies')} compared.`, {
      of: told.length,
    });
  },
};

type Step = RecordOf<'transaction.transitioned'>;

function isHidden({ withheld }: Step): boolean {
  return withheld.has('/data/body') || withheld.has('/data/body_digest');
}

function faultsOf({ id: record, facts: { body, bodyDigest }, payload }: Step): readonly Finding[] {
  if (body === undefined || bodyDigest === undefined)
    return [{ code: 'body_mismatch', detail: 'The step does not hold what was said with it, and its digest.', record }];
  const digest = digestOf(body);
  return [
    ...(digest === bodyDigest
      ? []
      : [
          {
            code: 'body_mismatch',
            detail: 'The body of the step has another digest than the record states.',
            record,
          } as const,
        ]),
    ...(payload === undefined || payload === digest
      ? []
      : [
          { code: 'body_mismatch', detail: 'The request named another digest than that of the body.', record } as const,
        ]),
  ];
}
