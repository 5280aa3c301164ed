import { digestOf } from '@countersign/kernel';
import { type RecordOf, transitionsOf } from '../own-story.ts';
import { type Check, conclude, counted, type Finding, finding } from './check.ts';

/** Body and digest of a step are members of one record and must match. */
export const bodiesFitDigests: Check = {
  id: 'bodies',
  title: 'The body of every step has the digest that the step names',
  reads: { 'transaction.transitioned': ['/data/body', '/data/body_digest'] },
  run(evidence) {
    const steps = transitionsOf(evidence).filter(({ facts }) => !facts.departure);
    const compared = steps.filter((step) => !isHidden(step));
    return conclude(compared.flatMap(faultsOf), `${counted(compared.length, 'body', 'bodies')} compared.`, {
      of: steps.length,
    });
  },
};

type Step = RecordOf<'transaction.transitioned'>;

function isHidden({ withheld }: Step): boolean {
  return withheld.has('/data/body') || withheld.has('/data/body_digest');
}

function faultsOf({ id: record, facts: { body, bodyDigest }, payload }: Step): readonly Finding[] {
  if (body === undefined || bodyDigest === undefined)
    return [finding('body_mismatch', 'The step lacks its body or the digest of the body.', record)];
  const digest = digestOf(body);
  return [
    ...(digest === bodyDigest
      ? []
      : [finding('body_mismatch', 'The body of the step has another digest than the record states.', record)]),
    ...(payload === undefined || payload === digest
      ? []
      : [finding('body_mismatch', 'The request named another digest than that of the body.', record)]),
  ];
}
