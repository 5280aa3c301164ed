import { type WorkloadFact, type WorkloadFactName, workloadErrors, workloadFactNames } from '@countersign/contracts';
import { unreachable } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { type ResultVerifier, readAttestationResult } from './attestation-result.ts';
import { type CiIssuer, readCiToken } from './ci-token.ts';
import { type KubernetesCluster, reviewPod } from './kubernetes.ts';
import { refusedEvidence } from './signed-claims.ts';

const { error } = workloadErrors;
const sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const word = Type.String({ minLength: 1, maxLength: 256, pattern: '^[\\x21-\\x7e]+$' });
const environment = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,31}$' });
const closed = { additionalProperties: false } as const;

/** What a workload states about itself. */
export const selfEvidence = Type.Object(
  {
    kind: Type.Literal('self'),
    facts: Type.Array(Type.Object({ name: Type.Enum([...workloadFactNames]), value: word }, closed), { maxItems: 20 }),
  },
  { ...closed, title: 'SelfEvidence' },
);

/** Digests that the attester computed before it started the workload as its own child process. */
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

/** What the operating system of the attester's machine reports about a running process. */
export const processEvidence = Type.Object(
  {
    kind: Type.Literal('process'),
    environment,
    image: Type.Optional(sha256),
    executable: Type.Optional(word),
    user: Type.String({ pattern: '^[0-9]{1,10}$' }),
    systemd_unit: Type.Optional(word),
    /** Of files that the attester reads, not of what the process has loaded. */
    configuration: Type.Optional(sha256),
  },
  { ...closed, title: 'ProcessEvidence' },
);

const token = Type.String({ minLength: 16, maxLength: 16_384 });

/** A projected token of a pod, to be reviewed by its cluster. */
const kubernetesEvidence = Type.Object(
  {
    kind: Type.Literal('kubernetes'),
    environment,
    cluster: Type.String({ maxLength: 64 }),
    token,
    container: Type.Optional(Type.String({ maxLength: 253 })),
  },
  { ...closed, title: 'KubernetesEvidence' },
);

/** An identity token of a CI job. */
const ciTokenEvidence = Type.Object(
  { kind: Type.Literal('ci-token'), environment, token },
  { ...closed, title: 'CiTokenEvidence' },
);

/** The result of an outside verifier of hardware evidence (draft-ietf-rats-ear). */
const resultEvidence = Type.Object(
  { kind: Type.Literal('attestation-result'), token },
  { ...closed, title: 'AttestationResultEvidence' },
);

export const evidenceSchema = Type.Union(
  [selfEvidence, launcherEvidence, processEvidence, kubernetesEvidence, ciTokenEvidence, resultEvidence],
  { title: 'WorkloadEvidence' },
);

/** Outside parties that vouch for evidence. */
export interface Verifiers {
  readonly clusters: readonly KubernetesCluster[];
  readonly ciIssuers: readonly CiIssuer[];
  readonly resultVerifiers: readonly ResultVerifier[];
}
export type Evidence = Static<typeof evidenceSchema>;
const evidenceCheck = Compile(evidenceSchema);

/** @throws CodedError `workload_evidence_invalid` */
export function readEvidence(items: readonly unknown[]): readonly Evidence[] {
  if (items.length === 0 || items.length > 8)
    throw error('workload_evidence_invalid', 'A request must have 1 to 8 items of evidence.');
  return items.map((item) => {
    if (!evidenceCheck.Check(item))
      throw error('workload_evidence_invalid', 'An item of evidence does not match its schema.');
    return item;
  });
}

/** Establishes the facts of one item of evidence. @throws CodedError `workload_evidence_refused`, `workload_verifier_unavailable` */
export async function establish(
  item: Evidence,
  { clusters, ciIssuers, resultVerifiers }: Verifiers,
  asked: { readonly audience: string; readonly key: string | undefined; readonly now: number },
): Promise<readonly WorkloadFact[]> {
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
        // The environment comes from the configuration of the attester; it is not observed.
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
          configuration: item.configuration,
          executable: item.executable,
          user: item.user,
          'systemd-unit': item.systemd_unit,
        }),
      ];
    case 'kubernetes': {
      const cluster = clusters.find(({ name }) => name === item.cluster);
      if (cluster === undefined) throw refusedEvidence(`The cluster ${item.cluster} is not trusted.`);
      return [
        ...found('asserted', { environment: item.environment }),
        ...found('platform-signed', await reviewPod(item.token, item.container, cluster)),
      ];
    }
    case 'ci-token':
      return [
        ...found('asserted', { environment: item.environment }),
        ...found('platform-signed', await readCiToken(item.token, ciIssuers, asked)),
      ];
    case 'attestation-result':
      return found('hardware-rooted', await readAttestationResult(item.token, resultVerifiers, asked));
    default:
      return unreachable(item);
  }
}
