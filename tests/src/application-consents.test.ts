import type { ApplicationModel, DetailRendering } from '@countersign/contracts';
import { generateSigningKey } from '@countersign/sdk';
import { startTestServer, type TestServer } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishModels } from './testing/application-models.ts';
import { askPerson, cibaGrant, redeemFields } from './testing/backchannel.ts';
import { type CodeFlow, codeFlow, createPkce, textIn } from './testing/code-flow.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { formOf, type PersonBrowser, personBrowser, type Visit } from './testing/person-browser.ts';
import { type Change, claimsIn, type Fields, type RawClient, rawClient } from './testing/raw-client.ts';
import { redirectUri } from './testing/relying-parties.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import type { WireAnswer } from './testing/wire.ts';

// What a person is asked about an application's authorization detail: from the rule in the signed bundle to the page, the
// consent, the token and its refresh.

const type = 'https://portal.example/details/note-access';
const notes = 'https://portal.example/notes';
const archive = 'https://portal.example/archive';
const ada = 'person:ada';
const folder = scratchFolder();
let database: TestServer;
let node: RunningControlPlane;
let screen: RawClient;
let phone: RawClient;
let browser: PersonBrowser;
let flow: CodeFlow;

const rendering: DetailRendering = {
  title: 'Access to a research note',
  lines: [
    { pointer: '/note', label: 'Note' },
    { pointer: '/rights', label: 'Right', words: { read: 'read it', comment: 'comment on it' } },
  ],
};
const portal = (change: object = {}): ApplicationModel => ({
  namespace: 'Portal',
  types: { page: { entity: 'Page' } },
  clients: { ask: [], write: [] },
  schema:
    'namespace Portal { entity Page; action view appliesTo { principal: [Page], resource: [Page], context: {} }; }',
  policies: [{ file: 'all.cedar', text: '@id("all") permit (principal, action, resource);' }],
  entities: [],
  tests: [{ file: 'all.json', content: { tests: [] } }],
  authorizationDetails: [
    {
      type,
      audience: notes,
      schema: {
        type: 'object',
        additionalProperties: false,
        required: ['note', 'rights'],
        properties: {
          note: { type: 'string', minLength: 1, maxLength: 64 },
          rights: {
            ...{ type: 'array', minItems: 1, maxItems: 2, uniqueItems: true },
            items: { type: 'string', enum: ['read', 'comment'] },
          },
        },
      },
      rendering,
      ...change,
    },
  ],
});

const detail = { type, note: 'steel-2026', rights: ['read'] };
const another = { type, note: 'energy-2026', rights: ['read', 'comment'] };
const located = (one: object) => ({ ...one, locations: [notes] });
const asking = (
  details: readonly object[] = [detail],
  scope = 'report:read offline_access',
  resource = notes,
): Fields => [
  ['scope', scope],
  ['resource', resource],
  ['authorization_details', JSON.stringify(details)],
];

beforeAll(async () => {
  database = await startTestServer();
  const configuration = await configurationIn(folder.path, { database: database.connection });
  const institution = configuration.operator.lei;
  node = await runControlPlane(configuration);
  const { issuer } = node;
  const keys = { screen: generateSigningKey(), phone: generateSigningKey() };
  const client = (id: keyof typeof keys, change: object) => ({
    ...{ id, institution, principal: `service:${id}`, kind: 'human' },
    scopes: ['report:read', 'order:read', 'order:cancel', 'offline_access'],
    audiences: [notes, archive],
    authorization_details_types: [type],
    jwks: { keys: [{ ...keys[id].publicJwk, kid: keys[id].kid }] },
    ...change,
  });
  await node.operator.apply({
    people: [{ id: ada, institution, roles: ['trader'], federated: [], credentials: [] }],
    services: ['screen', 'phone'].map((id) => ({ id: `service:${id}`, institution, roles: [] })),
    resources: [notes, archive].map((uri) => ({
      ...{ uri, institution },
      scopes: ['report:read', 'order:read', 'order:cancel'],
    })),
    clients: [
      client('screen', {
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [redirectUri],
      }),
      client('phone', { grant_types: [cibaGrant], backchannel_token_delivery_mode: 'poll' }),
    ],
  });
  screen = rawClient({ issuer, id: 'screen', key: keys.screen });
  phone = rawClient({ issuer, id: 'phone', key: keys.phone });
  browser = personBrowser(issuer);
  flow = codeFlow({ issuer, client: screen, browser, person: ada });
  await publishModels(node, [portal()]);
});
afterAll(async () => {
  await node?.stop();
  await database?.stop();
  folder.remove();
});

/** The consent page, with the person signed in. */
async function consentPage(parameters: Fields): Promise<Visit> {
  const uri = await flow.push(flow.request(createPkce(), parameters));
  const page = await browser.open(flow.urlOf(uri));
  return page.url.pathname.startsWith('/sign-in/') ? browser.submit(formOf(page, 'sign-in'), { person: ada }) : page;
}

const textOf = ({ body }: Visit) =>
  body
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
const detailsIn = (answer: WireAnswer) => claimsIn(textIn(answer, 'access_token'))['authorization_details'];
const reasonOf = ({ members }: WireAnswer) => `${String(members['error'])} ${String(members['reason'])}`;
const pushed = (parameters: Fields) => screen.post('/par', flow.request(createPkce(), parameters));

describe('in the browser', () => {
  it('the person sees every member, in the words of the rule, and where it applies', async () => {
    const shown = textOf(await consentPage(asking([detail, another])));
    expect(shown).toContain('Details: 2 details, allowed together');
    expect(shown).toContain('Access to a research note Note steel-2026 Right read it (read)');
    expect(shown).toContain('Note energy-2026 Right read it (read) Right comment on it (comment)');
    expect(shown).toContain(`Kind of detail ${type} Fingerprint of this detail`);
    expect(shown).toContain(`At ${notes}, an interface of`);
  });

  it('what is allowed is kept as it was shown, in the token and in refreshed tokens', async () => {
    const answer = await flow.redeem(await flow.allow(asking()));
    expect(answer.status).toBe(200);
    expect(detailsIn(answer)).toEqual([located(detail)]);
    expect(claimsIn(textIn(answer, 'access_token'))).toMatchObject({ sub: ada, aud: notes, scope: 'report:read' });
    const again = await flow.refresh(textIn(answer, 'refresh_token'));
    expect(detailsIn(again)).toEqual([located(detail)]);
    for (const name of ['txn', 'mandate', 'intent_digest', 'may_act'])
      expect(claimsIn(textIn(again, 'access_token'))).not.toHaveProperty(name);
    const [given] = (await node.operator.records({ type: 'consent.given' })).slice(-1);
    expect(JSON.stringify(given)).toContain('"detail_digest"');
    expect(JSON.stringify(given)).toContain('steel-2026');
  });

  it('among several, the client names one as it was allowed', async () => {
    const first = await flow.redeem(await flow.allow(asking([detail, another])));
    expect(reasonOf(first)).toBe('invalid_authorization_details details_ambiguous');
    const named = (one: object): Fields => [['authorization_details', JSON.stringify([one])]];
    const redeemed = await flow.redeem(await flow.allow(asking([detail, another])), named(another));
    expect(detailsIn(redeemed)).toEqual([located(another)]);
    const token = textIn(redeemed, 'refresh_token');
    expect(detailsIn(await flow.refresh(token, named(located(detail))))).toEqual([located(detail)]);
    for (const wider of [
      { ...detail, rights: ['read', 'comment'] },
      { ...detail, note: 'other' },
    ])
      expect(reasonOf(await flow.refresh(token, named(wider)))).toBe('invalid_authorization_details details_wider');
    expect(reasonOf(await flow.refresh(token, [['authorization_details', '[]']]))).toMatch(/details_malformed$/);
  });

  it('a consent to scopes is no consent to a detail', async () => {
    const plain = await flow.allow([
      ['scope', 'report:read'],
      ['resource', notes],
    ]);
    const asked: Fields = [['authorization_details', JSON.stringify([detail])]];
    expect(reasonOf(await flow.redeem(plain, asked))).toBe('invalid_authorization_details details_wider');
  });

  it('a refusal grants nothing', async () => {
    const uri = await flow.push(flow.request(createPkce(), asking()));
    const answer = await browser.authorize(flow.urlOf(uri), { person: ada, decision: 'refuse' });
    expect(answer.searchParams.get('error')).toBe('access_denied');
  });
});

it.each<[string, Fields, string]>([
  ['a member that the schema does not have', asking([{ ...detail, all: true }]), 'details_malformed'],
  ['text that is displayed differently', asking([{ ...detail, note: 'steel\u202e6202' }]), 'details_malformed'],
  ['text with spaces that a page takes away', asking([{ ...detail, note: 'a  b' }]), 'details_malformed'],
  ['one detail twice', asking([detail, located(detail)]), 'details_malformed'],
  [
    'nine details',
    asking(Array.from({ length: 9 }, (_, index) => ({ ...detail, note: `n${index}` }))),
    'details_malformed',
  ],
  ['a detail beside an intent', asking([detail, { type: 'urn:countersign:rar:v1:trade_order' }]), 'details_malformed'],
  ['another interface', asking([detail], 'report:read', archive), 'details_location'],
  ['another location', asking([{ ...detail, locations: [archive] }]), 'details_location'],
  ['a type that nothing declares', asking([{ ...detail, type: `${type}/other` }]), 'details_unsupported'],
  ['a scope to cancel', asking([detail], 'order:cancel'), 'scope_not_of_detail'],
  ['no scope', asking([detail], ''), 'scope_missing'],
  ['scopes of the protocol alone', asking([detail], 'offline_access'), 'scope_missing'],
])('nobody is asked about %s', async (_, parameters, reason) => {
  expect(reasonOf(await pushed(parameters))).toMatch(new RegExp(`${reason}$`));
});

describe('on a device of their own', () => {
  const asked = (change: Change = {}) =>
    askPerson(phone, {
      ...{ login_hint: ada, scope: 'report:read', resource: notes, binding_message: 'W4SCT' },
      authorization_details: [detail],
      ...change,
    });

  it('the person sees title and members, and the token holds what they allowed', async () => {
    const request = await asked();
    expect(request.status, request.body).toBe(200);
    let list = await browser.open(`${node.issuer}/approvals`);
    if (list.url.pathname.startsWith('/sign-in/'))
      list = await browser.submit(formOf(list, 'sign-in'), { person: ada });
    expect(textOf(list)).toContain('Access to a research note Message: W4SCT');
    const path = /href="(\/approvals\/[\w-]+)"/.exec(list.body)?.[1] ?? '';
    const page = await browser.open(node.issuer + path);
    expect(textOf(page)).toContain('Access to a research note Note steel-2026 Right read it (read) Kind of detail');
    expect((await browser.submit(formOf(page), { decision: 'allow' })).status).toBe(200);
    const answer = await phone.post('/token', redeemFields(textIn(request, 'auth_req_id')));
    expect(detailsIn(answer)).toEqual([located(detail)]);
    const [requested] = (await node.operator.records({ type: 'backchannel.requested' })).slice(-1);
    expect(JSON.stringify(requested)).toContain('"detail_digests"');
  });

  it.each<[string, Change, string]>([
    [
      'a member that the schema does not have',
      { authorization_details: [{ ...detail, all: true }] },
      'details_malformed',
    ],
    ['no scope of the interface', { scope: '' }, 'scope_missing'],
    ['a scope that does more than read', { scope: 'order:cancel' }, 'scope_not_of_detail'],
  ])('is not asked about %s', async (_, change, reason) => {
    const { status, body } = await asked(change);
    expect(status, body).toBe(400);
    const [refused] = (await node.operator.records({ type: 'backchannel.refused' })).slice(-1);
    expect(refused).toMatchObject({ reason });
  });
});

describe('when the model changes', () => {
  it('a detail allowed under the earlier rule gives no token if the current schema would refuse it', async () => {
    const answer = await flow.redeem(await flow.allow(asking()));
    const token = textIn(answer, 'refresh_token');
    await publishModels(node, [portal({ audience: archive })]);
    expect(reasonOf(await flow.refresh(token))).toBe('invalid_authorization_details details_location');
    await publishModels(node, []);
    expect(reasonOf(await flow.refresh(token))).toBe('invalid_authorization_details details_unsupported');
    await publishModels(node, [portal()]);
    expect(detailsIn(await flow.refresh(token))).toEqual([located(detail)]);
  });

  it('a page that is open when the rule is removed is no longer accepted', async () => {
    const page = await consentPage(asking());
    await publishModels(node, [portal({ rendering: undefined })]);
    const answer = await browser.submit(formOf(page), { decision: 'allow' });
    expect(answer.leaves?.searchParams.get('error')).toBe('invalid_authorization_details');
    await publishModels(node, [portal()]);
  });
});
