import { actorOf, type ResourceGuard } from '@countersign/contracts';
import type { Scope } from '@countersign/market';
import { createGate, described, type Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import type { RunningDevices } from './devices.ts';
import type { Manager } from './enrolment/enrolment.ts';
import {
  certificateAnswer,
  certificateBody,
  deviceParams,
  linkAnswer,
  listAnswer,
  listQuery,
  removeAnswer,
  removeBody,
  reportAnswer,
  reportBody,
} from './http-schemas.ts';
import { longestReport } from './posture/report.ts';

const tag = 'devices';
type WithDevice = { Params: Static<typeof deviceParams> };

/** Devices over HTTP, under `/devices`: each institution manages and reports its own. */
export function managementRoutes(app: FastifyInstance, devices: RunningDevices, gate: Gate<Manager, Scope>): void {
  const { enrolment } = devices;

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/devices',
    {
      ...described({
        tag,
        summary: 'List the devices of your institution',
        scopes: ['device:read'],
        querystring: listQuery,
        answers: { 200: { description: 'In the order of their ids', body: listAnswer } },
      }),
      ...gate.needs('device:read'),
    },
    async (request) => {
      const { after, limit = '100' } = request.query;
      return { devices: await devices.list(gate.callerOf(request).institution, after, Number(limit)) };
    },
  );

  app.post<WithDevice & { Body: Static<typeof certificateBody> }>(
    '/devices/:device/certificates',
    {
      ...described({
        tag,
        summary: 'Let a device be known by a certificate',
        description: 'Of a managed workstation: whoever connects with it is at this device.',
        scopes: ['device:enrol'],
        params: deviceParams,
        body: certificateBody,
        answers: { 201: { description: 'It counts', body: certificateAnswer } },
      }),
      ...gate.needs('device:enrol'),
    },
    async (request, reply) => {
      const { params, body } = request;
      return reply
        .status(201)
        .send(await enrolment.enrolCertificate(params.device, body.thumbprint, gate.callerOf(request)));
    },
  );

  app.post<WithDevice>(
    '/devices/:device/links',
    {
      ...described({
        tag,
        summary: 'Make a link by which a browser enrols as a device',
        description: 'Opened at the device, in the browser of whoever works there; good once. A later link ends it.',
        scopes: ['device:enrol'],
        params: deviceParams,
        answers: { 201: { description: 'The link', body: linkAnswer } },
      }),
      ...gate.needs('device:enrol'),
    },
    async (request, reply) =>
      reply.status(201).send(await enrolment.open(request.params.device, gate.callerOf(request))),
  );

  app.post<WithDevice & { Body: Static<typeof removeBody> }>(
    '/devices/:device/remove',
    {
      ...described({
        tag,
        summary: 'Take away by what a device is known',
        scopes: ['device:enrol'],
        params: deviceParams,
        body: removeBody,
        answers: { 200: { description: 'How many keys, certificates and open links', body: removeAnswer } },
      }),
      ...gate.needs('device:enrol'),
    },
    async (request) => {
      const { params, body } = request;
      const by = gate.callerOf(request);
      return { removed: await enrolment.remove(params.device, body.thumbprint, by, body.reason) };
    },
  );

  app.post<{ Body: Static<typeof reportBody> }>(
    '/devices/posture',
    {
      ...described({
        tag,
        summary: 'Report how devices are',
        description:
          'Signed by a feed that this installation is configured with, of the institution that sends it. Reports of a feed ' +
          'are taken once each, in the order in which they were issued; a report with anything wrong in it is refused whole.',
        scopes: ['device:report'],
        body: reportBody,
        answers: { 200: { description: 'It counts', body: reportAnswer } },
      }),
      ...gate.needs('device:report'),
      bodyLimit: longestReport + 1_024,
    },
    async (request) => {
      const { institution } = gate.callerOf(request);
      return devices.takeReport(request.body.report, { institution });
    },
  );
}

export interface DevicesRoutes {
  readonly devices: RunningDevices;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

/** `/devices` for those who manage devices, and for the feeds that say how they are. */
export function devicesRoutes(app: FastifyInstance, { devices, guard, baseUrl }: DevicesRoutes): void {
  const gate = createGate(async (request, scope: Scope) => actorOf(await guard.check(request, { scope })), baseUrl);
  managementRoutes(app, devices, gate);
}
