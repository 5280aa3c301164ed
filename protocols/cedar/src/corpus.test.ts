import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { policySetTextToParts, policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import { isCodedError } from '@countersign/kernel';
import { afterAll, describe, expect, it } from 'vitest';
import { type CompiledPolicySet, compilePolicies } from './compile-policies.ts';
import { createEntitySnapshot, type EntityInput, type EntitySnapshot } from './entity-snapshot.ts';
import { decideFailClosed, evaluate } from './evaluate.ts';
import { readSchema } from './policy-schema.ts';
import { type EntityUid, isActionType } from './value.ts';

const archive = resolve(process.env['COUNTERSIGN_VECTORS'] ?? '../shared/vectors', 'cedar/corpus-even.tar.gz');

interface CorpusRequest {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: Readonly<Record<string, unknown>>;
  readonly decision: 'allow' | 'deny';
  readonly reason: readonly string[];
  readonly errors: readonly string[];
}

describe.skipIf(!existsSync(archive))(`the public Cedar corpus (skipped where ${archive} is not found)`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'cedar-corpus-'));
  if (existsSync(archive)) execFileSync('tar', ['xzf', archive, '-C', folder]);
  afterAll(() => rmSync(folder, { recursive: true }));

  it('agrees on decision, reasons and errors in every request, and refuses only integers beyond 2^53', () => {
    const names = readdirSync(folder).flatMap((file) => /^([0-9a-f]+)\.json$/.exec(file)?.[1] ?? []);
    const tally = { requests: 0, agreed: 0, refusedPolicies: 0, refusedEntities: 0, refusedRequests: 0 };
    const surprises: unknown[] = [];
    const refused = (error: unknown, code: string): void => {
      if (!isCodedError(error, code) || !error.detail.includes('within 2^53')) surprises.push(error);
    };
    for (const name of names) {
      const read = (suffix: string): string => readFileSync(join(folder, name + suffix), 'utf8');
      const { requests } = JSON.parse(read('.json')) as { requests: readonly CorpusRequest[] };
      tally.requests += requests.length;
      let policies: CompiledPolicySet;
      let entities: EntitySnapshot;
      try {
        policies = compileUnvalidated(read('.cedar'), read('.cedarschema'));
      } catch (error) {
        refused(error, 'policy_unsupported');
        tally.refusedPolicies += requests.length;
        continue;
      }
      try {
        const given = JSON.parse(read('.entities.json')) as EntityInput[];
        entities = createEntitySnapshot(given.filter(({ uid }) => !isActionType(uid.type)));
      } catch (error) {
        refused(error, 'entities_refused');
        tally.refusedEntities += requests.length;
        continue;
      }
      for (const { decision, reason, errors, ...request } of requests) {
        try {
          const got = evaluate(policies, { ...request, entities });
          const decided = decideFailClosed(policies, { ...request, entities });
          if (decided.decision === 'allow' && decision === 'deny') surprises.push({ name, request, decided });
          const failed = got.errors.map(({ policyId }) => policyId);
          if (got.decision === decision && isDeepStrictEqual([got.determining, failed], [reason, errors]))
            tally.agreed++;
          else surprises.push({ name, request, expected: { decision, reason, errors }, got });
        } catch (error) {
          refused(error, 'request_refused');
          tally.refusedRequests++;
        }
      }
    }
    expect(surprises).toEqual([]);
    // The whole archive, so that a case that is skipped, or newly refused, does not go unnoticed.
    expect(tally).toEqual({
      requests: 31_704,
      agreed: 30_233,
      refusedPolicies: 960,
      refusedEntities: 360,
      refusedRequests: 151,
    });
  }, 300_000);
});

/** The corpus is made of ill-typed policies without ids too, which `parsePolicySet` refuses. */
function compileUnvalidated(policiesText: string, schemaText: string): CompiledPolicySet {
  const parts = policySetTextToParts(policiesText);
  if (parts.type === 'failure') throw new Error('the corpus holds policies that parse');
  const policies = parts.policies.map((text, index) => {
    const parsed = policyToJson(text);
    if (parsed.type === 'failure') throw new Error('the corpus holds policies that parse');
    return { id: `policy${index}`, json: parsed.json };
  });
  const schema = readSchema(schemaText);
  if ('problems' in schema) throw new Error('the corpus holds schemas that parse');
  return compilePolicies(policies, schema);
}
