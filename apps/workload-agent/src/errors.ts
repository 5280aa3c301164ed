import { errorVocabulary } from '@countersign/kernel';

export const agentErrors = errorVocabulary({
  /** The configuration of the agent, or a file that it names, cannot be used. */
  agent_configuration_invalid: 'invalid',
  /** The workload cannot be observed: it is not running, or a file is missing or too large. */
  workload_unobservable: 'unavailable',
  /** The control plane did not answer, or its answer was malformed. */
  control_plane_unavailable: 'unavailable',
  /** The workload asked for the identity of another workload. */
  identity_refused: 'forbidden',
  /** A message of the Workload API cannot be read. */
  message_malformed: 'invalid',
});
