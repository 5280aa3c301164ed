import {
  type ConfiguredDocuments,
  type ConfiguredExchange,
  type WorkloadFactName,
  workloadErrors,
} from '@countersign/contracts';
import { isCodedError, type Json, membersOf, parseJson } from '@countersign/kernel';
import { refusedEvidence } from './signed-claims.ts';

/** A cluster whose pods can be attested. */
export interface KubernetesCluster {
  readonly name: string;
  /** E.g. `https://10.0.0.1:6443`. */
  readonly apiServer: string;
  /** Audience of the projected tokens. */
  readonly audience: string;
  /** Bearer token of an account that may create token reviews and read pods; read again for each request. */
  readonly credential: () => string;
  readonly requests: ConfiguredExchange & ConfiguredDocuments;
}

type Members = Readonly<Record<string, Json>>;
const podName = 'authentication.kubernetes.io/pod-name';
const podUid = 'authentication.kubernetes.io/pod-uid';
const dnsLabel = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/**
 * Asks the cluster to review a projected token, then for the pod: only the review shows that a pod was deleted, and
 * only the status of the pod has the digest of the image.
 * @param container the container of the workload; may be left out if the pod has only one
 * @throws CodedError `workload_evidence_refused`, `workload_verifier_unavailable`
 */
export async function reviewPod(
  token: string,
  container: string | undefined,
  { name: cluster, apiServer, audience, credential, requests }: KubernetesCluster,
): Promise<Partial<Record<WorkloadFactName, string>>> {
  const authorization = `Bearer ${credential()}`;
  const refuse = (detail: string) => refusedEvidence(`The cluster ${cluster} does not confirm the pod. ${detail}`);

  async function ask(what: string, work: () => Promise<Buffer>): Promise<Members> {
    try {
      const parsed = parseJson((await work()).toString('utf8'));
      const members = parsed.ok ? membersOf(parsed.value) : undefined;
      if (members !== undefined) return members;
    } catch (error) {
      if (!isCodedError(error)) throw error;
    }
    throw workloadErrors.error('workload_verifier_unavailable', `The cluster ${cluster} did not answer ${what}.`);
  }

  const review = await ask('the token review', async () => {
    const { status, body } = await requests.exchange(`${apiServer}/apis/authentication.k8s.io/v1/tokenreviews`, {
      contentType: 'application/json',
      accept: 'application/json',
      authorization,
      body: JSON.stringify({
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token, audiences: [audience] },
      }),
    });
    return status === 200 || status === 201 ? body : Buffer.alloc(0);
  });
  const status = membersOf(review['status']);
  const audiences = status?.['audiences'];
  if (status?.['authenticated'] !== true || !Array.isArray(audiences) || !audiences.includes(audience))
    throw refuse('Its token is not valid for this audience, or its pod is gone.');
  const user = membersOf(status['user']);
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(String(user?.['username']));
  const extra = membersOf(user?.['extra']);
  const pod = firstOf(extra?.[podName]);
  const uid = firstOf(extra?.[podUid]);
  const [, namespace = '', serviceAccount = ''] = account ?? [];
  if (!dnsLabel.test(namespace) || pod === undefined || !dnsLabel.test(pod) || uid === undefined)
    throw refuse('Its token is not bound to a pod.');

  const found = await ask('about the pod', () =>
    requests.get(`${apiServer}/api/v1/namespaces/${namespace}/pods/${pod}`, { authorization, maxBytes: 1_048_576 }),
  );
  const metadata = membersOf(found['metadata']);
  // A pod of the same name may have replaced it.
  if (metadata?.['uid'] !== uid || metadata['deletionTimestamp'] !== undefined) throw refuse('The pod is gone.');
  return {
    'kubernetes-namespace': namespace,
    'kubernetes-service-account': serviceAccount,
    'kubernetes-pod': pod,
    image: imageIn(membersOf(found['status']), container, refuse),
  };
}

function firstOf(value: Json | undefined): string | undefined {
  const [first] = Array.isArray(value) ? value : [];
  return typeof first === 'string' ? first : undefined;
}

function imageIn(
  status: Members | undefined,
  container: string | undefined,
  refuse: (detail: string) => Error,
): string {
  const statuses = status?.['containerStatuses'];
  const all = (Array.isArray(statuses) ? statuses : []).map(membersOf).filter((each) => each !== undefined);
  const named = container === undefined ? all : all.filter((each) => each['name'] === container);
  const [one, another] = named;
  // Sidecars share the account, so the cluster cannot tell which container asks. The attester says so.
  if (one === undefined || another !== undefined)
    throw refuse('It has several containers. Name the container of the workload.');
  const digest = /@?sha256:([0-9a-f]{64})$/.exec(String(one['imageID']))?.[1];
  if (digest === undefined) throw refuse('Its image has no digest yet.');
  return digest;
}
