import { registrationRoutes } from '@countersign/authorization-server';
import { accessErrors, type LastingGuard, transactionEvents } from '@countersign/contracts';
import { systemClock } from '@countersign/kernel';
import { scopes } from '@countersign/market';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { beforeAll, describe, expect, it } from 'vitest';
import { ownInterfaces } from '../configuration/own-interfaces.ts';
import { type InterfaceParts, mountInterfaces } from './interfaces.ts';

/** Scopes that routes declare, further scopes of some requests, and scopes that the guard checked. */
const declared = new Set<string>();
const further = new Set<string>();
const asked = new Set<string>();

beforeAll(async () => {
  const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
  app.setValidatorCompiler(() => () => true);
  const routes: { readonly method: string; readonly url: string; readonly scopes: readonly string[] }[] = [];
  app.addHook('onRoute', ({ method, url, schema }) => {
    const described = (schema ?? {}) as {
      readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
      readonly 'x-further-scopes'?: readonly string[];
    };
    const named = new Set((described.security ?? []).flatMap((requirement) => Object.values(requirement).flat()));
    for (const scope of named) declared.add(scope);
    for (const scope of described['x-further-scopes'] ?? []) further.add(scope);
    routes.push({ method: String([method].flat()[0]), url, scopes: [...named] });
  });
  const part = <Part extends object>(): Part => new Proxy({}, { get: () => part() }) as Part;
  const guard = (): LastingGuard => {
    const check: LastingGuard['check'] = async (_request, { scope }) => {
      asked.add(scope);
      throw accessErrors.error('insufficient_scope', 'Only the scope is looked at.');
    };
    const refuse = async (...asking: Parameters<typeof check>): Promise<never> => {
      await check(...asking);
      throw new Error('somebody was let in');
    };
    return { check, checkLasting: refuse, isActive: async () => false };
  };
  const baseUrl = 'https://a.example';
  mountInterfaces(app, new Proxy({}, { get: () => part() }) as InterfaceParts, {
    guard,
    configuration: { issuer: baseUrl, environment: 'development', logOrigin: 'a.example/log', operator: part() },
    baseUrl,
    clock: systemClock,
    openapi: async () => '{}',
  });
  registrationRoutes(app, { registration: part(), guard: guard(), baseUrl });
  await app.ready();
  for (const { method, url, scopes: named } of routes)
    for (const scope of named)
      for (const event of url.endsWith('/transitions') ? transactionEvents : ['none'])
        await app.inject({
          method: method as 'GET',
          url: url.replace('*', '000').replaceAll(/:\w+/g, 'x'),
          headers: { authorization: `DPoP ${claiming(scope)}` },
          ...(method === 'GET' || method === 'HEAD' ? {} : { payload: { event, body: {} } }),
        });
  await app.close();
}, 60_000);

describe('the vocabulary of scopes', () => {
  it.each(scopes)('has a route that declares %s and checks it', (scope) => {
    // Checked by the handler after the guard: tests of the audit log cover it for `audit:disclose`.
    if (further.has(scope)) return;
    expect([...declared]).toContain(scope);
    expect([...asked]).toContain(scope);
  });

  it('has one scope that handlers check after the guard', () => {
    expect([...further]).toEqual(['audit:disclose']);
  });

  it('is offered completely by the interfaces of the control plane', () => {
    const offered = new Set<string>(Object.values(ownInterfaces).flat());
    expect(scopes.filter((scope) => !offered.has(scope))).toEqual([]);
  });
});

/** A well-formed token, for routes that read which of several scopes it claims. */
function claiming(scope: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'ES256', typ: 'at+jwt', kid: 'x' })}.${part({ scope })}.${'A'.repeat(86)}`;
}
