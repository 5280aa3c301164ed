import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { policySetTextToParts } from '@cedar-policy/cedar-wasm/nodejs';
import { isCodedError, parseExactJson } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { compile } from './compile-policies.ts';
import type { EntityInput } from './entity.ts';
import { createEntitySnapshot } from './entity-snapshot.ts';
import { type Answer, decideFailClosed, evaluate } from './evaluate.ts';
import type { ParsedPolicy, ParsedPolicySet } from './parse-policy-set.ts';
import { policyJsonOf } from './policy-json.ts';
import { readSchema } from './policy-schema.ts';
import { createReference } from './reference.ts';
import { type EntityUid, isActionType } from './value.ts';

const shelf = resolve(process.env['COUNTERSIGN_VECTORS'] ?? '../shared/vectors', 'cedar');
const archives = existsSync(shelf)
  ? readdirSync(shelf)
      .filter((name) => /^corpus-.*\.tar\.gz$/.test(name))
      .sort()
  : [];

/** The complete tally of an archive, so that a skipped or newly refused case is noticed. */
const known: Readonly<Record<string, Tally>> = {
  'corpus-even.tar.gz': {
    requests: 31_704,
    agreed: 31_704,
    notAsked: 482,
  },
};

interface Tally {
  requests: number;
  /** Agreeing with the corpus on decision, reasons and errors. */
  agreed: number;
  /** Not sent to the reference engine: its interface accepts no integers beyond 2^53 in data. */
  notAsked: number;
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
    '%s: decision, reasons and errors agree, including 64-bit integers',
    (archive) => {
      const folder = mkdtempSync(join(tmpdir(), 'cedar-corpus-'));
      try {
        execFileSync('tar', ['xzf', join(shelf, archive), '-C', folder]);
        const { tally, askedReference, surprises } = compareCorpus(folder);
        const { requests, agreed, notAsked } = tally;
        // Shows what was compared and what was not.
        process.stdout.write(
          [
            `${archive}: ${requests} requests.`,
            `${agreed} agree on decision, reasons and errors; ${askedReference} were put to the reference engine as well,`,
            `${notAsked} hold data that its interface does not take.\n`,
          ].join(' '),
        );
        expect(surprises).toEqual([]);
        expect([agreed, askedReference + notAsked]).toEqual([requests, requests]);
        expect(askedReference).toBeGreaterThan(requests * 0.9);
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
  /** The number of compared requests that were sent to the reference engine, with only the closure of their entities. */
  readonly askedReference: number;
  readonly surprises: readonly unknown[];
}

function compareCorpus(folder: string): Comparison {
  // An archive may have its files in a folder of its own.
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json') && !file.endsWith('.entities.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .filter((name) => existsSync(join(folder, `${name}.cedar`)));
  const tally: Tally = { requests: 0, agreed: 0, notAsked: 0 };
  let askedReference = 0;
  const surprises: unknown[] = [];
  for (const name of names) {
    const read = (suffix: string): string => readFileSync(join(folder, name + suffix), 'utf8');
    const { requests } = readJson(read('.json')) as { requests: readonly CorpusRequest[] };
    tally.requests += requests.length;
    const parsed = parseUnvalidated(read('.cedar'), read('.cedarschema'));
    const policies = compile(parsed);
    const reference = createReference(parsed);
    const given = readJson(read('.entities.json')) as EntityInput[];
    const entities = createEntitySnapshot(given.filter(({ uid }) => !isActionType(uid.type)));
    for (const { decision, reason, errors, ...request } of requests) {
      const agrees = ({ decision: got, determining, errors: failed }: Answer): boolean =>
        got === decision &&
        isDeepStrictEqual(
          [determining, failed.map(({ policyId }) => policyId)].map((ids) => [...ids].sort()),
          [reason, errors].map((ids) => [...ids].sort()),
        );
      const got = evaluate(policies, { ...request, entities });
      const decided = decideFailClosed(policies, { ...request, entities });
      if (decided.decision === 'allow' && decision === 'deny') surprises.push({ name, request, decided });
      else if (agrees(got)) tally.agreed++;
      else surprises.push({ name, request, expected: { decision, reason, errors }, got });
      try {
        // The corpus holds the answers of some release of the engine; the installed release must give them too.
        const oracle = reference.evaluate({ ...request, entities });
        askedReference++;
        if (!agrees(oracle)) surprises.push({ name, request, expected: { decision, reason, errors }, oracle });
      } catch (error) {
        if (!isCodedError(error, 'reference_failed') && !isCodedError(error, 'long_not_json')) throw error;
        tally.notAsked++;
      }
    }
  }
  return { tally, askedReference, surprises };
}

function readJson(text: string): unknown {
  const read = parseExactJson(text, { maxLength: text.length });
  if (!read.ok) throw new Error(`the corpus holds JSON, and not what ${read.problem}`);
  return read.value;
}

/** The corpus includes ill-typed policies without ids, which `parsePolicySet` refuses. */
function parseUnvalidated(policiesText: string, schemaText: string): ParsedPolicySet {
  const parts = policySetTextToParts(policiesText);
  if (parts.type === 'failure') throw new Error('the corpus holds policies that parse');
  if (parts.policy_templates.length > 0) throw new Error('the corpus holds no templates');
  // They are sorted by names that follow the order of the text: `policy10` before `policy2`.
  const ids = parts.policies.map((_, index) => `policy${index}`).sort();
  const policies = parts.policies.map((text, index): ParsedPolicy => {
    const parsed = policyJsonOf(text);
    if (parsed.type === 'failure') throw new Error('the corpus holds policies that parse');
    return { id: ids[index] ?? '', effect: parsed.json.effect, annotations: {}, text, json: parsed.json };
  });
  const schema = readSchema(schemaText);
  if ('problems' in schema) throw new Error('the corpus holds schemas that parse');
  return { policies, schema, warnings: [] };
}
