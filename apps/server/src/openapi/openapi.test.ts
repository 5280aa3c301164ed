import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { accessErrors, type LastingGuard, transactionEvents } from '@countersign/contracts';
import { systemClock } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics, problemSchema, tokenSchemes } from '@countersign/runtime';
import { beforeAll, describe, expect, it } from 'vitest';
import { type InterfaceParts, mountInterfaces } from '../interfaces/interfaces.ts';
import { describeInterfaces, textOf } from './describe-interfaces.ts';
import { withNamedSchemas } from './named-schemas.ts';

const committed = fileURLToPath(new URL('../../../../docs/openapi.json', import.meta.url));

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}
interface Document {
  readonly openapi: string;
  readonly tags: readonly { readonly name: string; readonly 'x-audience'?: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>>; readonly securitySchemes: object };
}

let document: Document;
let operations: readonly { readonly route: string; readonly path: string; readonly operation: Operation }[];
beforeAll(async () => {
  document = (await describeInterfaces()) as unknown as Document;
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      path,
      operation,
    })),
  );
});

const scopesOf = ({ security }: Operation): readonly string[] => [
  ...new Set(security.flatMap((requirement) => Object.values(requirement).flat())),
];

describe('the API description', () => {
  it('is the one in docs/openapi.json; `npm run openapi` writes it', async () => {
    expect(textOf(await describeInterfaces())).toBe(readFileSync(committed, 'utf8'));
  });

  it('names the installation that serves it', async () => {
    const served = await describeInterfaces({ issuer: 'https://a.example', mutualTlsBaseUrl: 'https://b.example' });
    expect(served['servers']).toEqual([
      { url: 'https://a.example' },
      { url: 'https://b.example', description: 'For mutual TLS' },
    ]);
  });

  it('states for each route its purpose, requirements, answers and refusals', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(operations.length).toBeGreaterThan(40);
    const tags = document.tags.map(({ name }) => name);
    for (const { route, path, operation } of operations) {
      expect(operation.summary, route).toMatch(/\w/);
      expect(tags, route).toEqual(expect.arrayContaining([...operation.tags]));
      expect(operation.tags, route).toHaveLength(1);
      expect(Array.isArray(operation.security), route).toBe(true);
      expect(operation.responses['default']?.content, route).toEqual({
        'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
      });
      const answers = Object.entries(operation.responses).filter(([status]) => status !== 'default');
      expect(answers, route).not.toEqual([]);
      // An empty 200 is what the Shared Signals Framework requires there (section 8.1.3).
      for (const [status, answer] of answers)
        if (status !== '204' && status !== '304' && !path.startsWith('/signals/subjects'))
          expect(Object.values(answer.content ?? {})[0]?.schema, `${route} ${status}`).toBeDefined();
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(inPath.map(({ name }) => name).sort(), route).toEqual(named.sort());
    }
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('describes the problem document as it is', () => {
    expect(document.components.schemas['Problem']).toEqual(
      JSON.parse(JSON.stringify(problemSchema).replace('"patternProperties":{"^.*$":{}}', '"additionalProperties":{}')),
    );
  });
});

describe('scopes and audiences in the API description', () => {
  it('are those that the routes check, and a route that names none requires no token', async () => {
    const asked: { audience: string; scope: string }[] = [];
    const app = createHttpServer({
      logger: createLogger({ level: 'silent', name: 'test' }),
      metrics: createMetrics(),
    });
    // The form of the request does not matter: only access is tested.
    app.setValidatorCompiler(() => () => true);
    const part = <Part extends object>(): Part => new Proxy({}, { get: () => part() }) as Part;
    const parts = new Proxy({}, { get: () => part() }) as InterfaceParts;
    mountInterfaces(app, parts, {
      guard: (audience) => {
        const check: LastingGuard['check'] = async (_request, { scope }) => {
          asked.push({ audience, scope });
          throw accessErrors.error('insufficient_scope', 'It is only asked.');
        };
        const refuse = async (...asking: Parameters<typeof check>): Promise<never> => {
          await check(...asking);
          throw new Error('somebody was let in');
        };
        return { check, checkLasting: refuse, isActive: async () => false };
      },
      configuration: {
        issuer: 'https://a.example',
        environment: 'development',
        logOrigin: 'a.example/log',
        operator: part(),
      },
      baseUrl: 'https://a.example',
      clock: systemClock,
      openapi: async () => '{}',
    });

    for (const { route, path, operation } of operations) {
      if (operation.tags.includes('operation')) continue;
      const [method = 'GET'] = route.split(' ');
      const scopes = scopesOf(operation);
      const chapter = document.tags.find(({ name }) => operation.tags.includes(name));
      // With a token that claims each of the scopes, for routes with alternative scopes, and with each event, for the route
      // whose scope depends on it.
      for (const scheme of ['DPoP', 'Bearer']) {
        asked.length = 0;
        for (const scope of scopes.length === 0 ? ['none'] : scopes)
          for (const event of transactionEvents)
            await app.inject({
              method: method as 'GET',
              url: path.replace('{path}', '000').replaceAll(/\{\w+\}/g, 'x'),
              headers: { authorization: `${scheme} ${claiming(scope)}` },
              ...(method === 'POST' ? { payload: { event, body: {} } } : {}),
            });
        expect([...new Set(asked.map(({ scope }) => scope))].sort(), `${scheme} ${route}`).toEqual([...scopes].sort());
        expect([...new Set(asked.map(({ audience }) => `{issuer}/${audience}`))], route).toEqual(
          scopes.length === 0 ? [] : [chapter?.['x-audience']],
        );
      }
    }
    await app.close();
  });

  it('cover tokens bound to a key and tokens bound to a certificate', () => {
    expect(Object.keys(document.components.securitySchemes)).toEqual(Object.values(tokenSchemes));
    for (const { route, operation } of operations)
      for (const scope of scopesOf(operation)) {
        expect(operation.security, route).toContainEqual({ [tokenSchemes.dpop]: [scope] });
        expect(operation.security, route).toContainEqual({
          [tokenSchemes.certificate]: [scope],
          [tokenSchemes.mutualTls]: [],
        });
      }
  });
});

/** A token in form that claims a scope, without a valid signature. */
function claiming(scope: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'ES256', typ: 'at+jwt', kid: 'x' })}.${part({ scope })}.${'A'.repeat(86)}`;
}

describe('named schemas', () => {
  const thing = { type: 'object', title: 'Thing' };
  it('are written once', () => {
    expect(
      withNamedSchemas({ openapi: '3.1.0', info: { title: 'Titled' }, paths: { a: { schema: thing }, b: [thing] } }),
    ).toEqual({
      openapi: '3.1.0',
      info: { title: 'Titled' },
      paths: { a: { schema: { $ref: '#/components/schemas/Thing' } }, b: [{ $ref: '#/components/schemas/Thing' }] },
      components: { schemas: { Thing: thing } },
    });
  });

  it('are refused if two of them differ', () => {
    expect(() => withNamedSchemas({ paths: [thing, { ...thing, type: 'string' }] })).toThrow('the title Thing');
  });
});
