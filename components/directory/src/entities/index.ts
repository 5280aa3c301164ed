import type { EntityKind } from '../entry.ts';
import { accountReader } from './account.ts';
import { agentReader } from './agent.ts';
import { branchReader } from './branch.ts';
import { clientReader } from './client/client.ts';
import { contractReader } from './contract.ts';
import { deskReader } from './desk.ts';
import { deviceReader } from './device.ts';
import type { EntityReader } from './fields/entity-reader.ts';
import { institutionReader } from './institution.ts';
import { instrumentReader, rateReader } from './instrument.ts';
import { personReader } from './person.ts';
import { resourceReader } from './resource.ts';
import { serviceReader } from './service.ts';
import { shortCodeReader } from './short-code.ts';
import { venueReader } from './venue.ts';

export { memberOf } from './client/authentication.ts';
export { desk, roles } from './fields/fields.ts';
export { complianceSchema } from './institution.ts';

export const entityReaders: Readonly<Record<EntityKind, EntityReader>> = {
  institution: institutionReader,
  branch: branchReader,
  contract: contractReader,
  desk: deskReader,
  device: deviceReader,
  person: personReader,
  service: serviceReader,
  agent: agentReader,
  client: clientReader,
  account: accountReader,
  venue: venueReader,
  instrument: instrumentReader,
  rate: rateReader,
  'short-code': shortCodeReader,
  resource: resourceReader,
};

export function isEntityKind(text: string): text is EntityKind {
  return Object.hasOwn(entityReaders, text);
}
