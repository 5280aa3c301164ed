import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { policySetTextToParts, policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import { isCodedError } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { type CompiledPolicySet, compile } from './compile-policies.ts';
import type { EntityInput } from './entity.ts';
import { createEntitySnapshot, type EntitySnapshot } from './entity-snapshot.ts';
import { type Answer, decideFailClosed, evaluate } from './evaluate.ts';
import type { ParsedPolicy, ParsedPolicySet } from './parse-policy-set.ts';
import { readSchema } from './policy-schema.ts';
import { createReference, type Reference } from './reference.ts';
import { type EntityUid, isActionType } from './value.ts';

const shelf = resolve(process.env['COUNTERSIGN_VECTORS'] ?? '../shared/vectors', 'cedar');
const archives = existsSync(shelf)
  ? readdirSync(shelf)
      .filter((name) => /^corpus-.*\.tar\.gz$/.test(name))
      .sort()
  : [];

/** What is known of an archive: all of it, so that a case that is skipped, or newly refused, does not go unnoticed. */
const known: Readonly<Record<string, Tally>> = {
  'corpus-even.tar.gz': {
    requests: 31_704,
    agreed: 30_233,
    refusedPolicies: 960,
    refusedEntities: 360,
    refusedRequests: 151,
  },
};

interface Tally {
  requests: number;
  /** With what the corpus says of decision, reasons and errors. */
  agreed: number;
  refusedPolicies: number;
  refusedEntities: number;
  refusedRequests: number;
}

interface CorpusRequest {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: Readonly<Record<string, unknown>>;
  readonly decision: 'allow' | 'deny';
  readonly reason: readonly string[];
  readonly errors: readonly string[];
}

describe.skipIf(archives.length === 0)(`the public Cedar corpus (skipped where ${shelf} has none)`, () => {
  it.each(archives)(
    '%s: decision, reasons and errors agree, and only integers beyond 2^53 are refused',
    (archive) => {
      const folder = mkdtempSync(join(tmpdir(), 'cedar-corpus-'));
      try {
        execFileSync('tar', ['xzf', join(shelf, archive), '-C', folder]);
        const { tally, askedReference, surprises } = compareCorpus(folder);
        const { requests, agreed, ...refusals } = tally;
        const compared = Object.values(refusals).reduce((left, refused) => left - refused, requests);
        // What was compared and what was not, for whoever reads the run.
        process.stdout.write(
          [
            `${archive}: ${requests} requests, ${compared} of them compared.`,
            `${agreed} agree on decision, reasons and errors; ${askedReference} were put to the reference engine as well.`,
            `Refused, for integers beyond 2^53: ${tally.refusedPolicies} by their policies, ${tally.refusedEntities} by their entities, ${tally.refusedRequests} by themselves.\n`,
          ].join(' '),
        );
        expect(surprises).toEqual([]);
        expect([agreed, askedReference]).toEqual([compared, compared]);
        expect(agreed).toBeGreaterThan(requests * 0.9);
        expect(tally).toEqual(known[archive] ?? tally);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    900_000,
  );
});

interface Comparison {
  readonly tally: Tally;
  /** Of the requests compared, how many were put to the reference engine, with the closure of their entities only. */
  readonly askedReference: number;
  readonly surprises: readonly unknown[];
}

function compareCorpus(folder: string): Comparison {
  // An archive may have its files in a folder of its own.
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json') && !file.endsWith('.entities.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .filter((name) => existsSync(join(folder, `${name}.cedar`)));
  const tally: Tally = { requests: 0, agreed: 0, refusedPolicies: 0, refusedEntities: 0, refusedRequests: 0 };
  let askedReference = 0;
  const surprises: unknown[] = [];
  const refused = (name: string, error: unknown, code: string): void => {
    if (!isCodedError(error, code) || !error.detail.includes('within 2^53')) surprises.push({ name, error });
  };
  for (const name of names) {
    const read = (suffix: string): string => readFileSync(join(folder, name + suffix), 'utf8');
    const { requests } = JSON.parse(read('.json')) as { requests: readonly CorpusRequest[] };
    tally.requests += requests.length;
    let policies: CompiledPolicySet;
    let reference: Reference;
    let entities: EntitySnapshot;
    try {
      const parsed = parseUnvalidated(read('.cedar'), read('.cedarschema'));
      policies = compile(parsed);
      reference = createReference(parsed);
    } catch (error) {
      refused(name, error, 'policy_unsupported');
      tally.refusedPolicies += requests.length;
      continue;
    }
    try {
      const given = JSON.parse(read('.entities.json')) as EntityInput[];
      entities = createEntitySnapshot(given.filter(({ uid }) => !isActionType(uid.type)));
    } catch (error) {
      refused(name, error, 'entities_refused');
      tally.refusedEntities += requests.length;
      continue;
    }
    for (const { decision, reason, errors, ...request } of requests) {
      const agrees = ({ decision: got, determining, errors: failed }: Answer): boolean =>
        got === decision &&
        isDeepStrictEqual(
          [determining, failed.map(({ policyId }) => policyId)].map((ids) => [...ids].sort()),
          [reason, errors].map((ids) => [...ids].sort()),
        );
      try {
        const got = evaluate(policies, { ...request, entities });
        const decided = decideFailClosed(policies, { ...request, entities });
        if (decided.decision === 'allow' && decision === 'deny') surprises.push({ name, request, decided });
        else if (agrees(got)) tally.agreed++;
        else surprises.push({ name, request, expected: { decision, reason, errors }, got });
        // The corpus holds the answers of some release of the engine; the one we ship must give them too.
        const oracle = reference.evaluate({ ...request, entities });
        askedReference++;
        if (!agrees(oracle)) surprises.push({ name, request, expected: { decision, reason, errors }, oracle });
      } catch (error) {
        refused(name, error, 'request_refused');
        tally.refusedRequests++;
      }
    }
  }
  return { tally, askedReference, surprises };
}

/** The corpus is made of ill-typed policies without ids too, which `parsePolicySet` refuses. */
function parseUnvalidated(policiesText: string, schemaText: string): ParsedPolicySet {
  const parts = policySetTextToParts(policiesText);
  if (parts.type === 'failure') throw new Error('the corpus holds policies that parse');
  if (parts.policy_templates.length > 0) throw new Error('the corpus holds no templates');
  // They come sorted by the names they were given in the order of the text: `policy10` before `policy2`.
  const ids = parts.policies.map((_, index) => `policy${index}`).sort();
  const policies = parts.policies.map((text, index): ParsedPolicy => {
    const parsed = policyToJson(text);
    if (parsed.type === 'failure') throw new Error('the corpus holds policies that parse');
    return { id: ids[index] ?? '', effect: parsed.json.effect, annotations: {}, text, json: parsed.json };
  });
  const schema = readSchema(schemaText);
  if ('problems' in schema) throw new Error('the corpus holds schemas that parse');
  return { policies, schema, warnings: [] };
}
