import { type Digest, digestOf } from '@countersign/kernel';

/** What approvers sign, beside whose recovery it is: nothing of it can be changed afterwards. */
export function recoveryDigest(about: {
  readonly person: string;
  readonly reason: string;
  readonly evidence: readonly string[];
}): Digest {
  return digestOf({ person: about.person, reason: about.reason, evidence: about.evidence });
}
