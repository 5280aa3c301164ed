export { drawStateMachine, type StateMachine } from './draw.ts';
export {
  type Duties,
  endsWithoutSuccess,
  type LifeCycle,
  type MandateNeed,
  startsNewRisk,
  type TransitionRule,
} from './life-cycle.ts';
export {
  lifeCycleOf,
  lifeCycleOfType,
  lifeCycles,
  type NextStep,
  nextSteps,
  stateRuleOf,
  stepsOf,
} from './life-cycles.ts';
export { partiesByPart, partiesToAct, stepsTakenBy } from './parties-by-part.ts';
