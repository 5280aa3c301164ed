import type { WorkloadFactName } from '@countersign/contracts';
import type { JsonObject } from '@countersign/oauth';
import { type IssuerKeys, refusedEvidence, verifySignedClaims } from './signed-claims.ts';

/** A CI system that issues identity tokens to its jobs. */
export interface CiIssuer {
  readonly issuer: string;
  readonly keys: IssuerKeys;
}

/**
 * Facts of a job, each as the whole value. An entry compares them for equality, so a ref cannot pass for another with
 * the same prefix.
 */
export async function readCiToken(
  token: string,
  issuers: readonly CiIssuer[],
  { audience, now }: { readonly audience: string; readonly now: number },
): Promise<Partial<Record<WorkloadFactName, string>>> {
  const named = issuerIn(token);
  const issuer = issuers.find((each) => each.issuer === named);
  if (issuer === undefined) throw refusedEvidence('The issuer of the token is not a trusted CI system.');
  const claims = await verifySignedClaims(token, {
    ...{ what: 'token of the CI system', issuer: issuer.issuer, keys: issuer.keys, audience, now },
    maxAgeSeconds: 900,
  });
  const text = (...names: readonly string[]): string | undefined =>
    names.map((name) => claims[name]).find((value) => typeof value === 'string');
  const facts = {
    'ci-repository': text('repository', 'project_path'),
    'ci-ref': refOf(claims),
    'ci-workflow': text('workflow_ref', 'ci_config_ref_uri'),
    'ci-environment': text('environment'),
    'platform-verifier': issuer.issuer,
  } as const;
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/** GitHub gives the whole ref; GitLab gives its name and its kind. */
function refOf({ ref, ref_type: kind }: JsonObject): string | undefined {
  if (typeof ref !== 'string') return undefined;
  if (ref.startsWith('refs/')) return ref;
  if (kind === 'branch') return `refs/heads/${ref}`;
  return kind === 'tag' ? `refs/tags/${ref}` : undefined;
}

/** Unverified: used only to choose the keys. */
function issuerIn(token: string): string | undefined {
  try {
    const { iss } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) ?? {};
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}
