import { digestSchema, idSchema, instantSchema, recordSchema } from '@countersign/runtime';
import { Type } from 'typebox';
import { policyBundleBody } from '../bundle/bundle-body.ts';

export const strict = { additionalProperties: false } as const;

const effect = Type.Enum(['permit', 'forbid']);
const count = Type.Integer({ minimum: 0 });
const changeRequest = Type.String({
  pattern: '^[\\x21-\\x7e]{1,128}$',
  description: 'The ticket that requested the change',
});
const reason = Type.String({ minLength: 1, maxLength: 400, description: 'For people; it is recorded' });

const versionMembers = {
  version: Type.Integer({ minimum: 1, description: 'Number of activations; never decreases' }),
  hash: digestSchema({ description: 'Hash of all rules, as named in decisions, tokens and records' }),
  publishedAt: instantSchema(),
  recordId: recordSchema({ description: 'The record of its activation, with the texts' }),
  changeRequest,
  proposedBy: Type.String(),
  approvedBy: Type.Optional(Type.String({ description: 'Absent for the version of the release and for a roll-back' })),
  rolledBackTo: Type.Optional(Type.Integer({ description: 'The version whose bundle came into force again' })),
  signature: Type.Object({ kid: Type.String(), algorithm: Type.String(), value: Type.String() }, strict),
};
const versionSummary = Type.Object(versionMembers, { ...strict, title: 'PolicyVersionSummary' });
export const versionAnswer = Type.Object(
  {
    ...versionMembers,
    policies: Type.Array(
      Type.Object({ id: Type.String(), effect, text: Type.String({ description: 'Cedar' }) }, strict),
    ),
  },
  { ...strict, title: 'PolicyVersion' },
);
export const versionWithBundle = Type.Object({ version: versionAnswer, bundle: policyBundleBody }, strict);
export const versionList = Type.Object(
  { versions: Type.Array(versionSummary, { description: 'The newest hundred, newest first.' }) },
  strict,
);

const testReport = Type.Object(
  {
    passed: count,
    failed: count,
    tests: Type.Array(
      Type.Object(
        { file: Type.String(), name: Type.String(), ok: Type.Boolean(), differences: Type.Array(Type.String()) },
        strict,
      ),
      { description: 'The failing ones first.' },
    ),
    untested: Type.Array(Type.String(), { description: 'Policies that determined no decision in any test' }),
  },
  strict,
);
export const validated = Type.Object(
  {
    hash: digestSchema(),
    policies: Type.Array(Type.Object({ id: Type.String(), effect }, strict)),
    limits: Type.Array(Type.String()),
    applications: Type.Array(Type.String(), { description: 'Namespaces of the application models' }),
    warnings: Type.Array(Type.Object({ policyId: Type.Optional(Type.String()), message: Type.String() }, strict)),
    tests: testReport,
  },
  { ...strict, title: 'PolicyValidation' },
);

export const candidateStatus = Type.Enum(['proposed', 'approved', 'rejected', 'expired']);
export const candidate = Type.Object(
  {
    id: idSchema('policyCandidate'),
    status: candidateStatus,
    hash: digestSchema({ description: 'Hash of the bundle' }),
    digest: digestSchema({ description: 'Named by the approver; covers bundle, tests, simulation and reason' }),
    changeRequest,
    reason,
    baseVersion: Type.Integer({ description: 'The version that it was simulated against' }),
    proposedBy: Type.String(),
    proposedAt: instantSchema(),
    expiresAt: instantSchema(),
    decidedBy: Type.Optional(Type.String()),
    tests: Type.Object({ passed: count, untested: Type.Array(Type.String()) }, strict),
    simulation: Type.Object(
      {
        id: idSchema('simulation'),
        decisions: count,
        flips: count,
        skipped: Type.Record(Type.String(), count, {
          description: 'Decisions that could not be judged, by missing input',
        }),
      },
      strict,
    ),
  },
  { ...strict, title: 'PolicyCandidate' },
);
export const candidateList = Type.Object(
  { candidates: Type.Array(candidate, { description: 'The newest hundred, newest first.' }) },
  strict,
);
export const candidateWithBundle = Type.Object({ candidate, bundle: policyBundleBody }, strict);

export const validateBody = Type.Object({ bundle: policyBundleBody }, strict);
export const proposeBody = Type.Object(
  { bundle: policyBundleBody, changeRequest, reason, simulation: idSchema('simulation') },
  strict,
);
export const approveBody = Type.Object(
  { digest: digestSchema({ description: 'Digest of the candidate as it was read' }) },
  strict,
);
export const rejectBody = Type.Object({ reason }, strict);
export const rollBackBody = Type.Object({ changeRequest, reason }, strict);
