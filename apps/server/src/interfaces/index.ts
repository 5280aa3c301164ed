export {
  type InterfaceOptions,
  type InterfaceParts,
  mountCertificateInterfaces,
  mountCoreInterfaces,
  mountEdgeInterfaces,
  mountEgressInterfaces,
  mountEvidenceInterfaces,
  mountInterfaces,
  mountKeys,
  mountSecretInterfaces,
} from './interfaces.ts';
export { keyRouteErrors } from './key-routes.ts';
export {
  type HealthOptions,
  mountApproverPages,
  mountAuthorizationServer,
  mountCertificatePages,
  mountHealth,
  mountPages,
  mountPeoplePages,
  mountRoutes,
} from './routes.ts';
