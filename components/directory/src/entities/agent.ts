import { defined } from '@countersign/kernel';
import { Type } from 'typebox';
import { entityReader } from './fields/entity-reader.ts';
import { code, desk, readLei, readPrincipalId, roles, strict } from './fields/fields.ts';

export const agentReader = entityReader({
  kind: 'agent',
  list: 'agents',
  schema: Type.Object(
    {
      id: code,
      institution: code,
      desk,
      roles,
      model: Type.Object(
        {
          model_id: code,
          version: code,
          artifact_sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
          certificate_id: code,
          configuration_sha256: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
          status: Type.Union([
            Type.Literal('Draft'),
            Type.Literal('Approved'),
            Type.Literal('Submitted'),
            Type.Literal('Registered'),
          ]),
          certified_by: code,
          developed_by: code,
        },
        strict,
      ),
    },
    strict,
  ),
  read(document, place) {
    const { model } = document;
    const id = readPrincipalId(document.id, place.at('id'), 'agent');
    const institution = readLei(document.institution, place.at('institution'));
    const certifiedBy = readPrincipalId(model.certified_by, place.at('model', 'certified_by'));
    const developedBy = readPrincipalId(model.developed_by, place.at('model', 'developed_by'));
    if (id === undefined || institution === undefined || certifiedBy === undefined || developedBy === undefined)
      return undefined;
    if (certifiedBy === developedBy || certifiedBy === id)
      return place
        .at('model', 'certified_by')
        .report('self_certification', 'A model must be certified by a person other than its developer.');
    const value = {
      kind: 'agent',
      id,
      institution,
      desk: document.desk,
      roles: document.roles,
      model: {
        modelId: model.model_id,
        version: model.version,
        artifactSha256: model.artifact_sha256,
        certificateId: model.certificate_id,
        ...defined({ configurationSha256: model.configuration_sha256 }),
        status: model.status,
        certifiedBy,
        developedBy,
      },
    } as const;
    return { id, owner: institution, entity: { kind: 'agent', value } };
  },
});
