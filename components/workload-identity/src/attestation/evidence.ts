import { type WorkloadFact, type WorkloadFactName, workloadErrors, workloadFactNames } from '@countersign/contracts';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

const { error } = workloadErrors;
const sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const word = Type.String({ minLength: 1, maxLength: 256, pattern: '^[\\x21-\\x7e]+$' });
const environment = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,31}$' });
const closed = { additionalProperties: false } as const;

/** What a workload says about itself. */
export const selfEvidence = Type.Object(
  {
    kind: Type.Literal('self'),
    facts: Type.Array(Type.Object({ name: Type.Enum([...workloadFactNames]), value: word }, closed), { maxItems: 20 }),
  },
  { ...closed, title: 'SelfEvidence' },
);

/** Digests that the attester computed before it started the workload as its own child. */
export const launcherEvidence = Type.Object(
  {
    kind: Type.Literal('launcher'),
    environment,
    image: sha256,
    script_tree: Type.Optional(sha256),
    lock_file: Type.Optional(sha256),
    configuration: Type.Optional(sha256),
    user: Type.Optional(Type.String({ pattern: '^[0-9]{1,10}$', description: 'Numeric user id' })),
  },
  { ...closed, title: 'LauncherEvidence' },
);

/** What the operating system of the attester's machine says about a running process. */
export const processEvidence = Type.Object(
  {
    kind: Type.Literal('process'),
    environment,
    image: Type.Optional(sha256),
    executable: Type.Optional(word),
    user: Type.String({ pattern: '^[0-9]{1,10}$' }),
    systemd_unit: Type.Optional(word),
  },
  { ...closed, title: 'ProcessEvidence' },
);

export const evidenceSchema = Type.Union([selfEvidence, launcherEvidence, processEvidence], {
  title: 'WorkloadEvidence',
});
export type Evidence = Static<typeof evidenceSchema>;
const evidenceCheck = Compile(evidenceSchema);

/** @throws CodedError `workload_evidence_invalid` */
export function readEvidence(items: readonly unknown[]): readonly Evidence[] {
  if (items.length === 0 || items.length > 8)
    throw error('workload_evidence_invalid', 'A request has one to eight items of evidence.');
  return items.map((item) => {
    if (!evidenceCheck.Check(item))
      throw error('workload_evidence_invalid', 'An item of evidence does not have the described form.');
    return item;
  });
}

/** Establishes the facts of one item of evidence. @throws CodedError `workload_evidence_refused`, `workload_verifier_unavailable` */
export async function establish(item: Evidence): Promise<readonly WorkloadFact[]> {
  const evidence = item.kind;
  const found = (level: WorkloadFact['level'], facts: Partial<Record<WorkloadFactName, string | undefined>>) =>
    workloadFactNames.flatMap((name): WorkloadFact[] => {
      const value = facts[name];
      return value === undefined ? [] : [{ name, value, level, evidence }];
    });
  switch (item.kind) {
    case 'self':
      return item.facts.map(({ name, value }) => ({ name, value, level: 'asserted', evidence }));
    case 'launcher':
      return [
        // The attester is told its environment; nobody observes it.
        ...found('asserted', { environment: item.environment }),
        ...found('kernel-observed', {
          image: item.image,
          'script-tree': item.script_tree,
          'lock-file': item.lock_file,
          configuration: item.configuration,
          user: item.user,
        }),
      ];
    case 'process':
      return [
        ...found('asserted', { environment: item.environment }),
        ...found('kernel-observed', {
          image: item.image,
          executable: item.executable,
          user: item.user,
          'systemd-unit': item.systemd_unit,
        }),
      ];
  }
}
