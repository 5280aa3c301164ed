export { userinfoRoutes } from './http.ts';
export { createUserinfo, type Userinfo, type UserinfoResponse } from './userinfo.ts';
