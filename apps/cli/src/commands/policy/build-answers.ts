import { membersOf } from '@countersign/kernel';
import type { LoadedBundle, PolicyFinding } from '@countersign/server';
import { type Bundle, compareBundles, countChanges, type Side, sideOfVersion } from './compare-bundles.ts';
import { type CandidateView, isOutdated, type VersionWithBundle } from './door.ts';
import type { TestsView } from './draw-bundle.ts';
import type { LoadedFolder } from './folder.ts';

// What `--json` of the policy commands prints where it is more or less than what the interface answers. A build goes by
// these members: new ones may come, none changes its meaning.

/** Of `validate`: a bundle that can decide, and what reading it finds. */
export function validationAnswer(
  { content, loaded: { hash, parsed, limits, bundle, applications } }: LoadedFolder,
  findings: readonly PolicyFinding[] = [],
) {
  return {
    ok: findings.every(({ severity }) => severity !== 'error'),
    kind: content.kind,
    ...(content.kind === 'application' ? { application: content.model.namespace } : {}),
    hash,
    counts: { policies: parsed.policies.length, limits: limits.length, entities: bundle.entities.length },
    policies: parsed.policies.map(({ id, effect }) => ({ id, effect })),
    applications: [...applications.keys()],
    warnings: parsed.warnings.map(({ policyId, message }) => ({
      ...(policyId === undefined ? {} : { policyId }),
      message,
    })),
    findings,
  };
}

/** Of `test`: each test, the failing ones first. A bundle without any is not one that passes. */
export function testsAnswer({ hash, bundle }: LoadedBundle, { passed, failed, tests, untested }: TestsView) {
  const expectations = expectationsOf(bundle);
  return {
    ok: testsPass({ passed, failed }),
    hash,
    passed,
    failed,
    tests: tests.map(({ file, name, ok, differences }) => {
      const expected = expectations.get(keyOf(file, name));
      return { file: `tests/${file}`, name, ok, ...(expected === undefined ? {} : { expected }), differences };
    }),
    untested,
  };
}

/** A bundle without a test is not published; a build that runs them must not take it for one that passes. */
export function testsPass({ passed, failed }: Pick<TestsView, 'passed' | 'failed'>): boolean {
  return failed === 0 && passed > 0;
}

/** By file and name. Of two tests by one name in one file nobody can say which is meant: of them there is none. */
function expectationsOf({ tests }: Bundle): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>();
  for (const { file, content } of tests) {
    const listed = membersOf(content)?.['tests'];
    for (const test of Array.isArray(listed) ? listed : []) {
      const { name, expect } = membersOf(test) ?? {};
      const key = keyOf(file, name);
      found.set(key, found.has(key) ? undefined : expect);
    }
  }
  return found;
}

const keyOf = (file: string, name: unknown): string => JSON.stringify([file, name]);

/** Of `diff`: what a folder would change, line by line. */
export function comparisonAnswer({ bundle, version }: VersionWithBundle, hash: string, after: Side) {
  const differences = compareBundles(sideOfVersion({ bundle, version }), after);
  return {
    from: { version: version.version, hash: version.hash },
    to: { hash },
    ...countChanges(differences),
    differences,
  };
}

/** Of `candidates`: as the interface answers, and whether it can still be approved. */
export function candidatesAnswer(candidates: readonly CandidateView[], newest: number) {
  return { candidates: candidates.map((each) => ({ ...each, outdated: isOutdated(each, newest) })) };
}
