import { actorOf, type ResourceGuard } from '@countersign/contracts';
import type { Scope } from '@countersign/market';
import { createGate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import type { RunningDevices } from './devices.ts';
import * as schemas from './http-schemas.ts';
import { longestReport } from './posture/report.ts';

const tag = 'devices';
type WithDevice = { Params: Static<typeof schemas.deviceParams> };

export interface DevicesRoutes {
  readonly devices: RunningDevices;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

/** `/devices`: each institution manages and reports its own devices. */
export function devicesRoutes(app: FastifyInstance, { devices, guard, baseUrl }: DevicesRoutes): void {
  const { enrolment } = devices;
  const gate = createGate(async (request, scope: Scope) => actorOf(await guard.check(request, { scope })), baseUrl);

  app.get<{ Querystring: Static<typeof schemas.listQuery> }>(
    '/devices',
    gate.route('device:read', {
      tag,
      summary: 'List the devices of your institution',
      querystring: schemas.listQuery,
      answers: { 200: { description: 'In the order of their ids', body: schemas.listAnswer } },
    }),
    async (request) => {
      const { after, limit = '100' } = request.query;
      return { devices: await devices.list(gate.callerOf(request).institution, after, Number(limit)) };
    },
  );

  app.post<WithDevice & { Body: Static<typeof schemas.certificateBody> }>(
    '/devices/:device/certificates',
    gate.route('device:enrol', {
      tag,
      summary: 'Register a certificate that identifies a device',
      description: 'For a managed workstation: a connection with this certificate comes from this device.',
      params: schemas.deviceParams,
      body: schemas.certificateBody,
      answers: { 201: { description: 'The certificate is registered', body: schemas.certificateAnswer } },
    }),
    async (request, reply) => {
      const { params, body } = request;
      return reply
        .status(201)
        .send(await enrolment.enrolCertificate(params.device, body.thumbprint, gate.callerOf(request)));
    },
  );

  app.post<WithDevice>(
    '/devices/:device/links',
    gate.route('device:enrol', {
      tag,
      summary: 'Create a link with which a browser enrols as a device',
      description: 'Open it on the device, in the browser used for work. Single use; a newer link replaces it.',
      params: schemas.deviceParams,
      answers: { 201: { description: 'The link', body: schemas.linkAnswer } },
    }),
    async (request, reply) =>
      reply.status(201).send(await enrolment.open(request.params.device, gate.callerOf(request))),
  );

  app.post<WithDevice & { Body: Static<typeof schemas.removeBody> }>(
    '/devices/:device/remove',
    gate.route('device:enrol', {
      tag,
      summary: 'Remove the keys and certificates of a device',
      params: schemas.deviceParams,
      body: schemas.removeBody,
      answers: { 200: { description: 'How many keys, certificates and open links', body: schemas.removeAnswer } },
    }),
    async (request) => {
      const { params, body } = request;
      const by = gate.callerOf(request);
      return { removed: await enrolment.remove(params.device, body.thumbprint, by, body.reason) };
    },
  );

  app.post<{ Body: Static<typeof schemas.reportBody> }>(
    '/devices/posture',
    {
      ...gate.route('device:report', {
        tag,
        summary: 'Report device postures',
        description:
          'Signed by a configured feed of the institution that sends it. Reports of a feed are accepted once each, in the ' +
          'order in which they were issued; a report with any error is rejected as a whole.',
        body: schemas.reportBody,
        answers: { 200: { description: 'The report is accepted', body: schemas.reportAnswer } },
      }),
      bodyLimit: longestReport + 1_024,
    },
    async (request) => {
      const { institution } = gate.callerOf(request);
      return devices.takeReport(request.body.report, { institution });
    },
  );
}
