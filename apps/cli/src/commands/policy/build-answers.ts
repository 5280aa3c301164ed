import { membersOf } from '@countersign/kernel';
import type { LoadedBundle, PolicyFinding } from '@countersign/server';
import { type Bundle, compareBundles, countChanges, type Side, sideOfVersion } from './compare-bundles.ts';
import { type CandidateView, isOutdated, type VersionWithBundle } from './door.ts';
import type { TestsView } from './draw-bundle.ts';
import type { LoadedFolder } from './folder.ts';

// The `--json` output of the policy commands where it differs from the interface's answer. Builds depend on these members: new
// ones may be added, but none changes its meaning.

/** For `validate`: a bundle that compiles, and the findings of its analysis. */
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

/** For `test`: each test, failures first. A bundle without tests does not pass. */
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

/** A bundle without tests cannot be published, so a build must not treat it as passing. */
export function testsPass({ passed, failed }: Pick<TestsView, 'passed' | 'failed'>): boolean {
  return failed === 0 && passed > 0;
}

/** By file and name. Tests that share a name within a file are left out. */
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

/** For `diff`: the changes of a folder, line by line. */
export function comparisonAnswer({ bundle, version }: VersionWithBundle, hash: string, after: Side) {
  const differences = compareBundles(sideOfVersion({ bundle, version }), after);
  return {
    from: { version: version.version, hash: version.hash },
    to: { hash },
    ...countChanges(differences),
    differences,
  };
}

/** For `candidates`: the interface's answer, and whether each candidate can still be approved. */
export function candidatesAnswer(candidates: readonly CandidateView[], newest: number) {
  return { candidates: candidates.map((each) => ({ ...each, outdated: isOutdated(each, newest) })) };
}
