import type { EvaluationRequest } from '@countersign/contracts';
import type { LoadedApplication } from '../bundle/loaded-bundle.ts';
import type { Applications } from '../decision-point.ts';
import type { InformationModel } from '../decision/information-model.ts';
import { createApplicationModel, type WrittenEntitiesReader } from './information-model.ts';

/**
 * Leads a question to the one model that answers for the types of both its subject and its resource, where the caller's
 * client may ask about it. Any other question is the market's, which knows nothing of these types and says no: a caller
 * does not learn which models there are.
 */
export function createApplications(written: WrittenEntitiesReader): Applications {
  const models = new WeakMap<LoadedApplication, InformationModel<EvaluationRequest>>();
  return {
    answering({ claims }, { subject, resource }, { client }) {
      const application = claims.get(subject);
      if (application === undefined || claims.get(resource) !== application) return undefined;
      const { model, loaded } = application;
      if (client === undefined || !model.clients.ask.includes(client)) return undefined;
      let made = models.get(application);
      if (made === undefined) {
        made = createApplicationModel(application, written);
        models.set(application, made);
      }
      return { namespace: model.namespace, model: made, loaded };
    },
  };
}
