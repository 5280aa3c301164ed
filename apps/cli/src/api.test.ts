import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { typesFile, typesText } from '../../../scripts/openapi-types.mjs';
import { FileContent, request } from './api.ts';

it('checks requests against the types of docs/openapi.json; `npm run openapi` writes them', () => {
  expect(readFileSync(typesFile, 'utf8')).toBe(typesText());
});

it('fills in the path, omits undefined values, and requests a token for the audience', async () => {
  const sent: unknown[] = [];
  const caller = {
    issuer: 'https://countersign.example',
    token: async (audience: string, scope: string) => {
      sent.push([audience, scope]);
      return { accessToken: '', scope, expiresAt: Number.POSITIVE_INFINITY, authorizationDetails: [] };
    },
    client: {
      callOrThrow: async (_: unknown, { method, url, body }: { method: string; url: string; body?: unknown }) => {
        sent.push([method, url, JSON.stringify(body)]);
        return {};
      },
    },
  };
  await request(caller, 'GET /recovery-requests', { scope: 'recovery:read' });
  await request(caller, 'GET /directory/clients', { scope: 'directory:read', query: { after: undefined, limit: 2 } });
  await request(caller, 'POST /partners/profiles', {
    scope: 'partner:register',
    body: { profile: new FileContent({ issuer: 'https://a.example' }), reason: 'agreed' },
  });
  await request(caller, 'POST /retention/holds/{id}/release', {
    scope: 'legalhold:release',
    params: { id: 'a/b' },
    body: { reason: 'over' },
  });
  expect(sent).toEqual([
    ['recoveries', 'recovery:read'],
    ['GET', 'https://countersign.example/recovery-requests', undefined],
    ['directory', 'directory:read'],
    ['GET', 'https://countersign.example/directory/clients?limit=2', undefined],
    ['partners', 'partner:register'],
    [
      'POST',
      'https://countersign.example/partners/profiles',
      '{"profile":{"issuer":"https://a.example"},"reason":"agreed"}',
    ],
    ['retention', 'legalhold:release'],
    ['POST', 'https://countersign.example/retention/holds/a%2Fb/release', '{"reason":"over"}'],
  ]);
});
