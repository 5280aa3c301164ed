import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAcmeClient, newClientKey, requestFor } from './testing/acme-client.ts';
import { type AcmeWorld, createAcmeWorld } from './testing/acme-world.ts';

// An attacker has the database role of this component, and nothing else.

const host = 'gw.bank.example';
let acme: AcmeWorld;
beforeAll(async () => {
  acme = await createAcmeWorld();
});
afterAll(() => acme.close());

const steal = () => acme.world.scratch.pool('certificate-authority');
const client = () => createAcmeClient({ directory: `${acme.issuer}/acme/gateway/directory` });
const idOf = (kid: string): string => kid.split('/').at(-1) ?? '';

/** Overwrites a member of the state of an enrolment. */
const alter = (id: string, path: string, value: unknown) =>
  steal().query('update enrolments set state = jsonb_set(state, $2::text[], $3::jsonb) where id = $1', [
    ...[id, path, JSON.stringify(value)],
  ]);

describe('an attacker with only the database role of the certificate authority', () => {
  it('cannot enrol a principal: a row without a record is refused', async () => {
    const enrolment = await acme.enrol();
    const forged = `${enrolment.id.slice(0, -4)}0000`;
    await steal().query(
      `insert into enrolments select $2, jsonb_set(state, '{id}', to_jsonb($2::text)), record, holder, institution, profile, null, made_at
         from enrolments where id = $1`,
      [enrolment.id, forged],
    );

    const { answer } = await client().open(enrolment);
    expect(answer.status).toBe(201);
    const opened = await client().open({ ...enrolment, id: forged as typeof enrolment.id });
    expect(opened.answer.status).toBeGreaterThanOrEqual(400);
    expect((await acme.ca.enrolments.list({})).map(({ id }) => id)).not.toContain(forged);
    await steal().query('delete from enrolments where id = $1', [forged]);
  });

  it('cannot find an HMAC key: no column contains one', async () => {
    const { secret } = await acme.enrol();
    const { rows } = await steal().query('select row_to_json(e)::text as row from enrolments e');
    expect((rows as readonly { readonly row: string }[]).filter(({ row }) => row.includes(secret))).toEqual([]);
  });

  it('cannot use an enrolment twice, nor reopen an account that has ended', async () => {
    const enrolment = await acme.enrol();
    const by = await client().open(enrolment);
    const { rows } = await steal().query('select state, record from enrolments where id = $1', [enrolment.id]);
    await alter(enrolment.id, '{account}', null);
    expect((await client().open(enrolment)).answer.status).toBeGreaterThanOrEqual(400);
    // The former row with the record that wrote it: a newer record exists.
    await steal().query('update enrolments set state = $2, record = $3 where id = $1', [
      ...[
        enrolment.id,
        (rows[0] as { readonly state: unknown }).state,
        (rows[0] as { readonly record: string }).record,
      ],
    ]);
    expect((await client().post(by.kid, '', by)).status).toBe(200);
    await client().post(by.kid, { status: 'deactivated' }, by);
    await alter(enrolment.id, '{ended}', null);
    expect((await client().order(by, [host])).status).toBeGreaterThanOrEqual(400);
  });

  it('cannot bind a key of their own to an account, nor widen an enrolment', async () => {
    const by = await client().open(await acme.enrol());
    const key = newClientKey();
    await alter(idOf(by.kid), '{account,jwk}', key.jwk);
    expect((await client().post(by.kid, '', { key, kid: by.kid })).status).toBeGreaterThanOrEqual(400);
    const other = await client().open(await acme.enrol());
    await alter(idOf(other.kid), '{dns_names}', ['evil.bank.example']);
    expect((await client().order(other, ['evil.bank.example'])).status).toBeGreaterThanOrEqual(400);
  });

  it('cannot widen an order, nor give it the certificate of another holder', async () => {
    const by = await client().open(await acme.enrol());
    const order = await client().order(by, [host]);
    const id = idOf(order.headers.get('location') ?? '');
    await steal().query('update acme_orders set identifiers = $2 where id = $1', [
      ...[id, JSON.stringify([{ type: 'dns', value: 'evil.bank.example' }])],
    ]);
    const final = await client().finalize(by, order, requestFor(['evil.bank.example']));
    expect(final.body.type).toContain('rejectedIdentifier');
    const foreign = await acme.world.issue(acme.ca, 'partner-client', 'service:partner');
    await steal().query('update acme_orders set serial = $2 where id = $1', [id, foreign.serial]);
    expect((await client().post(order.headers.get('location') ?? '', '', by)).status).toBe(404);
    expect((await client().post(`${client().base}/certificate/${foreign.serial}`, '', by)).status).toBe(404);
  });
});
